"""The lines of `Scripts/acceptance` about the peer network: the commands that scripts rely on, the
simulator, foreign peers, whole machines, trouble, and the local groups."""

import json
import pathlib
import re
import signal
import subprocess
import tempfile

from checks import MARTLET, ROOT, martlet, run

LOOPBACK = "/ip4/127.0.0.1/tcp/0"
SIMULATED = ["mean_hops", "lookup_p50_ms", "lookup_p95_ms", "coverage_99_ms", "eclipse_success",
             "peak_rss_bytes", "events"]
# What each promised command of the long part is called, and how it is run.
COMMANDS = [
    ("200 networks under trouble hold every invariant", "Scripts/seeds 200"),
    ("each planted mistake is found within 1,000 seeds", "Scripts/seeds --mistakes 1000"),
    ("a group of 200: deaths known in 10 s, no false one at 5 % loss",
     "swift test -c release --disable-xctest --filter SWIMGroupTests"),
    ("hostile peers, on real sockets", "swift test --disable-xctest --filter Hostile"),
]
PROGRAMS = [
    ("holes are punched where theory says, else a relay carries", "nat"),
    ("killing any one bootstrap node changes nothing", "bootstraps"),
    ("two machines join each other by the README's commands", "two-machines"),
    ("init, config, network, checks and discovery as the first seed types them", "node-setup"),
    ("the commands that scripts rely on", "p2p-scripts"),
]
# Which suites of Scripts/interop show what; one that was skipped did not run.
FOREIGN = [
    ("go-libp2p: handshake both ways, identify, ping", ["go-libp2p"]),
    ("go-libp2p: Kademlia, gossip, AutoNAT", ["go-libp2p's protocols"]),
    ("go-libp2p: a stream through its relay and ours", ["go-libp2p relays"]),
    ("py-libp2p: the same, private networks, holes, mDNS",
     ["py-libp2p", "py-libp2p's protocols", "py-libp2p relays", "discovery with py-libp2p"]),
    ("Kubo: connect, identify, Kademlia, ping", ["Kubo"]),
    ("Kubo: content both ways", ["Content exchanged with Kubo"]),
]
# How long one of them may take, a build of the tests included.
SECONDS_MAX = 3600


class Node:
    """A peer that listens until it is stopped; its first line says who it is."""

    def __init__(self, *words):
        self.process = subprocess.Popen(
            [MARTLET, "p2p", "listen", "--listen", LOOPBACK, "--json", *map(str, words)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True)
        self.ready = json.loads(self.process.stdout.readline() or "{}")
        self.peer = self.ready.get("peer_id", "")
        self.address = next(iter(self.ready.get("addresses", [])), "")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def answer(*words, **options):
    """What a command printed as JSON, or its errors."""
    status, output, errors = martlet(*words, "--json", **options)
    try:
        return status, json.loads(output.strip().split("\n")[-1])
    except ValueError:
        return status, {"errors": errors.strip().split("\n")[0]}


def peers(table):
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder, "peer")
        node = Node("--home", home, "--kad-protocol", "/martlet/kad/1.0.0")
        try:
            table.add("a peer that stays says who it is first", "martlet p2p listen --json",
                      node.ready or "no answer", {"peer_id", "addresses"} <= set(node.ready))
            asked(table, node)
            stored(table, node)
            said(table, node)
            explained(table, node, home)
        finally:
            node.stop()
    refused(table)
    simulated(table)


def asked(table, node):
    _, found = answer("p2p", "ping", node.address, "--count", "20")
    table.add("ping", "martlet p2p ping MULTIADDR --count 20 --json", json.dumps(found),
              found.get("ok") == 20 and found.get("median_us", 0) > 0)
    _, found = answer("p2p", "identify", node.address)
    table.add("identify, with a signed record", "martlet p2p identify MULTIADDR --json",
              f"{len(found.get('protocols', []))} protocols",
              found.get("peer_id") == node.peer and found.get("signed_record") is True)


def stored(table, node):
    kad = ["--kad-protocol", "/martlet/kad/1.0.0", "--bootstrap", node.address]
    stays = subprocess.Popen(
        [MARTLET, "p2p", "provide", "acceptance", *kad, "--stay", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True)
    try:
        told = json.loads(stays.stdout.readline() or "{}")
        table.add("provide", "martlet p2p provide KEY --bootstrap MULTIADDR --json",
                  f"{told.get('stored')} stored", told.get("stored", 0) > 0)
        _, found = answer("p2p", "find-providers", "acceptance", *kad)
        table.add("find-providers", "martlet p2p find-providers KEY --bootstrap MULTIADDR --json",
                  f"{len(found.get('providers', []))} found", bool(found.get("providers")))
    finally:
        stays.send_signal(signal.SIGTERM)
        stays.wait(30)


def said(table, node):
    hears = subprocess.Popen(
        [MARTLET, "p2p", "pubsub", "sub", "news", "--count", "1", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True)
    try:
        ready = json.loads(hears.stdout.readline() or "{}")
        address = next(iter(ready.get("addresses", [])), "")
        status, _ = answer("p2p", "pubsub", "pub", "news", "hello", "--bootstrap", address)
        heard = json.loads(hears.stdout.readline() or "{}") if status == 0 else {}
    finally:
        hears.terminate()
        hears.wait(30)
    table.add("a message of a topic arrives", "martlet p2p pubsub sub|pub TOPIC",
              json.dumps(heard)[:60], heard.get("data") == "hello")


def explained(table, node, home):
    other = Node("--bootstrap", node.address)
    try:
        status, found = answer("p2p", "peers", "--home", home)
        rows = [row.get("peer_id") for row in found.get("peers", [])]
        table.add("who is connected", "martlet p2p peers --json", f"{len(rows)} peers",
                  other.peer in rows)
        status, output, _ = martlet("p2p", "why", other.peer, "--home", home)
        lines = [line for line in output.splitlines() if line.strip()]
        table.add("each dial, limit and score explained", "martlet p2p why PEER",
                  f"{len(lines)} lines", status == 0 and "connected to us" in output)
        _, found = answer("p2p", "bandwidth", "--home", home)
        table.add("bytes by protocol", "martlet p2p bandwidth --json",
                  f"{found.get('received')} received", found.get("received", 0) > 0)
    finally:
        other.stop()


def refused(table):
    for line, words, status in [
        ("no address", ["p2p", "ping", "/ip4/1.2.3"], 2),
        ("an address without an identity", ["p2p", "ping", "/ip4/127.0.0.1/tcp/9"], 2),
        ("nobody listens", ["p2p", "ping", "/ip4/127.0.0.1/tcp/9/p2p/"
                            "12D3KooWGQSgSWPiC5HaPpPrZsQhkMtLDYUGGDUai1FkjCavbYF9"], 5),
        ("no node runs in the home", ["p2p", "peers", "--home", "/nonexistent"], 5),
    ]:
        code, _, errors = martlet(*words)
        fact = errors.split("error: ")[-1].split("\n")[0]
        table.add(f"{line}: exit {status}", f"martlet {' '.join(words[:2])} …",
                  f"exit {code}: {fact[:80]}",
                  code == status and "error: " in errors and "hint: " in errors)


def simulated(table):
    words = ["simulate", "network", "--nodes", "2000", "--seed", "1", "--dead", "0.3", "--silent",
             "0.6", "--sybils", "20"]
    _, first = answer(*words, timeout=600)
    missing = [name for name in SIMULATED if name not in first]
    table.add("a network in one process, with the promised fields",
              "martlet " + " ".join(words) + " --json", f"missing: {missing or 'none'}",
              not missing)
    _, again = answer(*words, timeout=600)
    table.add("one seed is one run", "the same, twice", first.get("event_hash", ""),
              first.get("event_hash") is not None
              and first.get("event_hash") == again.get("event_hash"))


def foreign(table):
    """One run of everything with foreign peers, a line for each of them."""
    status, output, errors = run("Scripts/interop", timeout=SECONDS_MAX)
    for line, suites in FOREIGN:
        passed = [name for name in suites
                  if re.search(rf'Suite "{re.escape(name)}" passed', output + errors)]
        table.add(line, "Scripts/interop", f"{len(passed)} of {len(suites)} suites passed",
                  status == 0 and len(passed) == len(suites))


def reach(table):
    """Half an hour: foreign peers, whole machines, trouble."""
    foreign(table)
    for line, command in COMMANDS:
        status, output, errors = run(*command.split(), timeout=SECONDS_MAX)
        last = (output.strip() or errors.strip()).split("\n")[-1][-70:]
        table.add(line, command, last, status == 0)
    for line, name in PROGRAMS:
        command = f"Scripts/end-to-end {name}"
        if not (ROOT / "Tests/EndToEnd" / name).exists():
            table.add(line, command, "there is no such program", False)
            continue
        status, output, errors = run(*command.split(), timeout=SECONDS_MAX)
        last = (output.strip() or errors.strip()).split("\n")[-1][-70:]
        table.add(line, command, last,
                  status == 0 and bool(re.search(rf"passed {re.escape(name)}\b", output)))
    status, output, _ = run("Scripts/seeds", "--sum")
    count = int((re.findall(r"\d+", output) or ["0"])[0])
    table.add("5,000 seeds ran clean, by the ledger", "Scripts/seeds --sum", f"{count} seeds",
              status == 0 and count >= 5000)
