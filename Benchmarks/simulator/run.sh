#!/usr/bin/env bash
# Measures networks of a million simulated nodes against the project's bars: lookups with 30 % dead,
# gossip past 60 % silent (median of ten seeds), memory, and 20 Sybils among 10,000 nodes that joined
# one by one. Times are virtual, so a busy machine changes none of them; it only takes longer.
# Usage: Benchmarks/simulator/run.sh [--smoke]     (--smoke: 10,000 nodes, one seed, filled tables)
set -euo pipefail
cd "$(dirname "$0")/../.."

nodes=1000000 seeds=10 joined=()
case "${1:-}" in
  --smoke) nodes=10000 seeds=1 joined=(--tables filled) ;;
  "") ;;
  *) echo "usage: Benchmarks/simulator/run.sh [--smoke]" >&2; exit 2 ;;
esac
swift build -c release --product martlet >&2
simulate() { .build/release/martlet simulate network --json "$@"; }

lookups=$(simulate --nodes "$nodes" --seed 1 --dead 0.3 --lookups 2000 --messages 0)
gossip=$(for seed in $(seq "$seeds"); do
  simulate --nodes "$nodes" --seed "$seed" --silent 0.6 --lookups 1 --messages 1 --tables filled
done)
attack=$(simulate --nodes 10000 --seed 1 --sybils 20 --lookups 200 --messages 0 "${joined[@]}")

python3 - "$lookups" "$gossip" "$attack" <<'PYTHON'
import json, statistics, sys

lookups, attack = json.loads(sys.argv[1]), json.loads(sys.argv[3])
runs = [json.loads(line) for line in sys.argv[2].splitlines()]


def bar(what, value, limit, unit=""):
    print(f"{what}: {value:,.6g}{unit}, bar {limit:,}{unit}: {'met' if value <= limit else 'missed'}")


print(f"{lookups['nodes']:,} nodes, tables {lookups['tables']}, 30 % dead, {lookups['lookups']} lookups")
bar("mean hops", lookups["mean_hops"], 4)
bar("lookup p95, virtual", lookups["lookup_p95_ms"], 2000, " ms")
print(f"lookup p50 {lookups['lookup_p50_ms']} ms, {lookups['requests_per_lookup']:.1f} requests, "
      f"closest found {lookups['found_closest']:.2%}")
peak = max(run["peak_rss_bytes"] for run in runs + [lookups])
bar("peak memory", peak / 2**30, 8, " GiB")
times = [run["coverage_99_ms"] or 1e9 for run in runs]
bar(f"99 % coverage past 60 % silent, median of {len(runs)} seeds", statistics.median(times), 1500,
    " ms")
print(f"each: {', '.join(str(int(time)) for time in times)} ms; copies a delivery "
      f"{runs[0]['copies_per_delivery']:.2f}")
print(f"{attack['nodes']:,} nodes, {attack['tables']}, 20 Sybils, {attack['eclipse_reads']} reads")
bar("reads denied", attack["eclipse_success"], 0.01)
PYTHON
