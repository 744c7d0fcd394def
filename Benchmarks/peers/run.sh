#!/usr/bin/env bash
# Measures peer streams between two processes on loopback, and pings against go-libp2p where it is
# there (Scripts/bootstrap --peers).
# Usage: Benchmarks/peers/run.sh [--smoke]     (--smoke: one round, for checking the script)
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
read -r address raw_port <"$scratch/address"
"$bench" measure "$address" "$raw_port" "$@"

[ -x .peers/p2pd ] || exit 0
.peers/p2pd -listen "/unix$scratch/control.sock" -hostAddrs /ip4/127.0.0.1/tcp/0 \
  >"$scratch/go" 2>/dev/null &
pids+=($!)
until grep -q ^/ip4/ "$scratch/go"; do sleep 0.05; done
"$bench" ping "$(grep -m1 ^/ip4/ "$scratch/go")/p2p/$(sed -n 's/^Peer ID: //p' "$scratch/go")" "$@"
