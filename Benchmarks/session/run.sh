#!/bin/sh
# Measures a whole federated session of real worker processes: seconds per round from its start to
# its settlement, with training, replay of every segment, sealing and fsync; the time to the first
# round; memory of a worker; the whole demonstration.
# Usage: Benchmarks/session/run.sh [--smoke]     (--smoke: a few rounds, for checking the script)
set -eu
cd "$(dirname "$0")/../.."
swift build -c release --product martlet >&2
exec python3 Benchmarks/session/measure.py .build/release/martlet "$@"
