"""Reads what Benchmarks/peers/run.sh printed and says which bars are met; what was not measured is
left out. Figures of one run only are compared."""

import re
import statistics
import sys

# The least share of plain TCP, and the least ratio to go-libp2p, of a bulk stream.
BULK_OF_TCP, BULK_OF_GO = 0.35, 1.5
# The most of go-libp2p's round trip, milliseconds of the responder's processor for each connection,
# and megabytes of a node with a thousand connections.
PING_OF_GO, CONNECTION_MS, THOUSAND_MB = 1.2, 2, 200


def figures(text):
    """Every line `name: number …`, in order of its name."""
    found = {}
    for name, number in re.findall(r"^([^:\n]+): ([0-9.]+)", text, re.MULTILINE):
        found.setdefault(name, []).append(float(number))
    return found


def bar(what, value, limit, least):
    met = value >= limit if least else value <= limit
    print(f"{what}: {value:.2f}, bar {'at least' if least else 'at most'} {limit} "
          f"{'met' if met else 'missed'}")


def main():
    found = figures(sys.stdin.read())
    tcp = [value for name, values in found.items() if name.startswith("plain TCP in C")
           for value in values]
    pair = found.get("go-libp2p to go-libp2p, through its control sockets, MB/s")
    for direction in ("download", "upload"):
        ours = next((v[0] for n, v in found.items() if n == direction), None)
        if ours and tcp:
            bar(f"bulk {direction} / plain TCP", ours / statistics.mean(tcp), BULK_OF_TCP, True)
        if ours and pair:
            bar(f"bulk {direction} / go-libp2p to go-libp2p", ours / pair[0], BULK_OF_GO, True)
    through = found.get("ping between go-libp2p nodes with those sockets, us")
    socket = found.get("the same echo over such a socket alone, us")
    if through and socket and found.get("ping"):
        bar("ping / go-libp2p to go-libp2p, control sockets taken off",
            found["ping"][0] / max(through[0] - socket[0], 1), PING_OF_GO, False)
    if cost := found.get("responder's CPU per connection with a fresh id"):
        bar("responder's CPU per connection with a fresh id, ms", cost[0], CONNECTION_MS, False)
    if memory := found.get("a node with 1000 connections"):
        bar("a node with 1,000 connections, MB", memory[0], THOUSAND_MB, False)


main()
