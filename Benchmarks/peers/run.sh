#!/usr/bin/env bash
# Measures peer streams between two processes on loopback beside plain TCP (a C program with writes
# of 64 KiB) and, where go-libp2p is there (Scripts/bootstrap --peers), beside two of its nodes. The last
# lines say which of the project's bars are met.
# Usage: Benchmarks/peers/run.sh [--smoke]     (--smoke: one round, for checking the script)
set -euo pipefail
cd "$(dirname "$0")/../.."

rounds=5
megabytes=1000
case "${1:-}" in
  --smoke) rounds=1 megabytes=100 ;;
  "") ;;
  *) echo "usage: Benchmarks/peers/run.sh [--smoke]" >&2; exit 2 ;;
esac
# A thousand connections on one node.
ulimit -n 8192 2>/dev/null || true

swift build -c release --product PeerBench >&2
bench=.build/release/PeerBench
scratch=$(mktemp -d)
pids=()
# Shows what was printed and then which bars are met, also where a part of it could not run.
finish() {
  local status=$?
  exec 1>&3
  wait "$tee" || true
  [ "$status" -ne 0 ] || python3 Benchmarks/peers/bars.py <"$scratch/figures" || status=1
  kill "${pids[@]}" 2>/dev/null || true
  rm -rf "$scratch"
  exit "$status"
}
trap finish EXIT
exec 3>&1 1> >(tee "$scratch/figures")
tee=$!
clang -O2 -o "$scratch/rawtcp" Benchmarks/peers/rawtcp.c

# The median of the lines on standard input, and their range.
median() { sort -n | awk -v what="$1" '{ v[NR] = $1 }
  END { printf "%s: %s (%s–%s)\n", what, v[int((NR + 1) / 2)], v[1], v[NR] }'; }

for _ in $(seq $rounds); do "$scratch/rawtcp" $megabytes; done >"$scratch/raw"
cut -d' ' -f1 "$scratch/raw" | median "plain TCP in C, 64 KiB writes, MB/s"
cut -d' ' -f2 "$scratch/raw" | median "its sender's CPU seconds per GB"
cut -d' ' -f3 "$scratch/raw" | median "its receiver's CPU seconds per GB"

"$bench" serve >"$scratch/address" &
pids+=($!)
until [ -s "$scratch/address" ]; do sleep 0.05; done
read -r address raw_port <"$scratch/address"
"$bench" measure "$address" "$raw_port" "$@"
for _ in $(seq $rounds); do "$scratch/rawtcp" $megabytes; done >"$scratch/raw"
cut -d' ' -f1 "$scratch/raw" | median "plain TCP in C once more, MB/s"

[ -x .peers/p2pd ] || exit 0
go_address() { echo "$(grep -m1 ^/ip4/ "$1")/p2p/$(sed -n 's/^Peer ID: //p' "$1")"; }
for name in a b; do
  .peers/p2pd -listen "/unix$scratch/$name.sock" -hostAddrs /ip4/127.0.0.1/tcp/0 \
    >"$scratch/$name" 2>/dev/null &
  pids+=($!)
done
for name in a b; do
  until grep -q ^/ip4/ "$scratch/$name" && [ -S "$scratch/$name.sock" ]; do sleep 0.05; done
done
"$bench" ping "$(go_address "$scratch/a")" "$@"
for _ in $(seq $rounds); do
  python3 Benchmarks/peers/go_pair.py "$scratch/a.sock" "$scratch/b.sock" \
    "$(go_address "$scratch/b")" $megabytes
done >"$scratch/go"
sed -n '1~3p' "$scratch/go" | median "go-libp2p to go-libp2p, through its control sockets, MB/s"
sed -n '2~3p' "$scratch/go" | median "ping between go-libp2p nodes with those sockets, us"
sed -n '3~3p' "$scratch/go" | median "the same echo over such a socket alone, us"
