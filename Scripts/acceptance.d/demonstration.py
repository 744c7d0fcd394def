"""The lines of `Scripts/acceptance` about `martlet demo`: what it reports, and equal bits."""

import json
import time

from checks import martlet

# The bars in the words: accuracy, rounds, seconds.
ACCURACY, ROUNDS, DEMO_SECONDS = 0.95, 10, 20


def demo(*options):
    """The demonstration's object, its seconds and its standard output."""
    began = time.monotonic()
    status, output, errors = martlet("demo", "--json", "--port", "0", *options, timeout=300)
    try:
        report = json.loads(output)
    except ValueError:
        report = {}
    report["status"], report["errors"] = status, errors.strip().split("\n")[0]
    return report, time.monotonic() - began, output


def demonstration(table):
    command = "martlet demo --json"
    report, seconds, output = demo()
    if report["status"] != 0:
        return table.add("make demo", command, report["errors"], False)
    table.add("exits 0 with one JSON object", command, f"{len(output.splitlines())} line",
              len(output.splitlines()) == 1)
    table.add(f"accuracy ≥ {ACCURACY} after {ROUNDS} rounds", command,
              f"{report['accuracy']:.4f} after {report['rounds']}",
              report["accuracy"] >= ACCURACY and report["rounds"] == ROUNDS)
    slashed = [worker["label"] for worker in report["slashed"]]
    paid = [worker["label"] for worker in report["paid"]]
    table.add("the liar is slashed", command, ", ".join(slashed), slashed == ["worker-4"])
    table.add("honest workers are paid", command, ", ".join(paid),
              paid == ["worker-1", "worker-2", "worker-3"])
    table.add("supply is conserved", command, report["supply"],
              report["supply"] == report["supply_counted"])
    table.add("segments win blocks", command, report["blocks_mined"], report["blocks_mined"] > 0)
    table.add("every segment was replayed", command, report["replayed_segments"],
              report["replayed_segments"] > 0 and report["miss_probability"] == 0)
    table.add(f"the second run ≤ {DEMO_SECONDS} s", command, f"{seconds:.1f} s",
              seconds <= DEMO_SECONDS, timed=True)
    table.add("the first round begins ≤ 1 s", command, f"{report['first_round_seconds']:.2f} s",
              report["first_round_seconds"] <= 1, timed=True)
    mebibytes = report["worker_resident_bytes_max"] / 1e6
    table.add("≤ 40 MB a worker", command, f"{mebibytes:.1f} MB", mebibytes <= 40, timed=True)


def bits(table):
    """One model hash whatever the hosts do."""
    variants = {
        "two runs with one seed": [[], []], "0 and 1 liars": [["--liars", "0"], ["--liars", "1"]],
        "1, 2 and 4 worker processes": [["--liars", "0", "--workers", n] for n in "124"],
    }
    for line, runs in variants.items():
        reports = [demo("--rounds", "5", *options)[0] for options in runs]
        hashes = {report.get("model_hash", report["errors"]) for report in reports}
        table.add(f"one model hash: {line}", "martlet demo --rounds 5 …",
                  ", ".join(text[:16] for text in hashes), len(hashes) == 1
                  and all(report["status"] == 0 for report in reports))
    other = demo("--rounds", "5", "--seed", "2")[0].get("model_hash")
    table.add("another seed, another hash", "martlet demo --rounds 5 --seed 2", (other or "")[:16],
              other is not None and other not in hashes)
