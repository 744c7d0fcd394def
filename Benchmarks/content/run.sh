#!/bin/sh
# Prints the content store's rates beside one core's `openssl speed sha256` of the same run, then small
# files, single durable adds in a small and a large store, and the memory of a long add.
# Usage: Benchmarks/content/run.sh [--smoke | MIB [ROUNDS]]     (--smoke: 16 MiB once, and small counts)
# Files go to $TMPDIR, which must be a real disk with 30 GB free for the full counts.
set -eu
files=100000 few=10000 many=10000000 adds=201 long=10240
[ "${1:-}" = --smoke ] && { set -- 16 1; files=1000 few=1000 many=10000 adds=11 long=64; }
mib=${1:-256}
rounds=${2:-5}
cd "$(dirname "$0")/../.."
swift build -c release --product ContentBench >&2
directory=$(mktemp -d "${TMPDIR:-/var/tmp}/martlet-content-XXXXXX")
trap 'rm -rf "$directory"' EXIT
openssl enc -aes-128-ctr -pass pass:martlet -nosalt -md sha256 </dev/zero 2>/dev/null |
  head -c "$((mib * 1048576))" >"$directory/input"
openssl_rate() {
  openssl speed -seconds 2 -bytes 262144 -evp sha256 2>/dev/null |
    awk '/sha256/ { sub(/k$/, "", $NF); printf "openssl-speed %d MB/s\n", $NF / 1000 }'
}
{
  openssl_rate
  .build/release/ContentBench measure "$directory/input" "$directory" "$rounds"
  openssl_rate
} | awk '
  { rate[$1, ++count[$1]] = $2; if (count[$1] == 1) names[++total] = $1 }
  function median(name, n, i, j, t) {
    n = count[name]
    for (i = 1; i <= n; i++) sorted[i] = rate[name, i]
    for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++)
      if (sorted[j] < sorted[i]) { t = sorted[i]; sorted[i] = sorted[j]; sorted[j] = t }
    return (sorted[int((n + 1) / 2)] + sorted[int(n / 2) + 1]) / 2
  }
  END {
    for (k = 1; k <= total; k++) {
      m = median(names[k]); if (k == 1) anchor = m
      printf "%-18s %6d MB/s  (%d to %d, %d runs)  %.2f x openssl\n", names[k], m, \
        sorted[1], sorted[count[names[k]]], count[names[k]], m / anchor
    }
  }'

rm -rf "$directory"/store-* "$directory/input"
.build/release/ContentBench small "$files" "$directory"
rm -rf "$directory/small" "$directory/small-store"
for blocks in "$few" "$many"; do
  .build/release/ContentBench latency "$blocks" "$directory" "$adds"
  rm -rf "$directory/latency-$blocks"
done
.build/release/ContentBench memory "$long" "$directory"
