#!/usr/bin/env bash
# Measures peer streams between two processes on loopback, and pings against go-libp2p where it is
# there (Scripts/bootstrap --peers).
set -euo pipefail
cd "$(dirname "$0")/../.."

swift build -c release --product PeerBench >&2
bench=.build/release/PeerBench
scratch=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; rm -rf "$scratch"' EXIT

"$bench" serve >"$scratch/address" &
pids+=($!)
until [ -s "$scratch/address" ]; do sleep 0.05; done
"$bench" measure "$(cat "$scratch/address")"
