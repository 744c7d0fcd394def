"""Prints what Benchmarks/session/run.sh measures. Every figure comes from the API or from /proc."""

import http.client
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

# The bars of the session: seconds, bytes.
ROUND_BAR = 0.060
FIRST_ROUND_BAR = 1.0
WORKER_BAR = 40e6
DEMO_BAR = 20.0
# Flower 1.41 deployment, superlink and 10 supernodes on loopback, the same maths, load 1 to 6:
# `bash deploy.sh 10 4 "" c` of its example scripts, wall seconds of rounds 1 to 4.
FLOWER_ROUND = (26.0, 29.7)
BASE = "/api/v1/federated-learning/sessions"


class UnixConnection(http.client.HTTPConnection):
    """HTTP over the coordinator's local socket, which needs no key."""

    def __init__(self, path):
        super().__init__("localhost", timeout=120)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def call(api, method, path, body=None, headers=None):
    connection = UnixConnection(api)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        answer = response.read()
    finally:
        connection.close()
    if response.status >= 300:
        raise SystemExit(f"{method} {path}: {response.status} {answer.decode()}")
    return json.loads(answer)


class Network:
    """A demonstration that is kept up: `report` is its one JSON object."""

    def __init__(self, martlet, workers, liars, rounds):
        self.home = tempfile.mkdtemp(prefix="martlet-bench-")
        self.api = os.path.join(self.home, "coordinator", "api.sock")
        started = time.monotonic()
        self.process = subprocess.Popen(
            [martlet, "demo", "--keep", "--json", "--port", "0", "--home", self.home,
             "--workers", str(workers), "--clients", str(workers), "--liars", str(liars),
             "--rounds", str(rounds)],
            stdout=subprocess.PIPE, stderr=sys.stderr)
        line = self.process.stdout.readline()
        self.seconds = time.monotonic() - started
        if not line:
            raise SystemExit("the demonstration gave no result")
        self.report = json.loads(line)

    def workers(self):
        """Process ids; a child is listed under the thread that started it."""
        tasks = f"/proc/{self.process.pid}/task"
        for task in os.listdir(tasks):
            for pid in open(f"{tasks}/{task}/children").read().split():
                words = open(f"/proc/{pid}/cmdline").read().split("\0")
                if "worker" in words:
                    yield int(pid)

    def cpu_seconds(self):
        """Processor time of all its processes so far, from /proc."""
        children = {int(pid) for task in os.listdir(f"/proc/{self.process.pid}/task")
                    for pid in open(f"/proc/{self.process.pid}/task/{task}/children")
                    .read().split()}
        ticks = 0
        for pid in children | {self.process.pid}:
            fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        shutil.rmtree(self.home, ignore_errors=True)


def resident(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"/proc/{pid}/status has no VmRSS")


def variant(network, rounds, batch, clients):
    """Runs one more session on the network, of 5 local epochs; the memory is of its last round."""
    data = open("Examples/data/digits.csv.gz", "rb").read()
    dataset = call(network.api, "POST", "/api/v1/content", data,
                   {"Content-Type": "application/octet-stream"})["cid"]
    order = {
        "name": f"batch {batch}", "model_type": "mlp", "dataset_cid": dataset,
        "total_rounds": rounds, "min_participants": clients, "clients": clients, "seed": 1,
        "learning_rate": 0.1, "batch_size": batch, "local_epochs": 5, "audit_rate": 1.0,
        "aggregation_method": "fedavg",
        "model_config": {
            "hidden_size": 128, "optimizer": {"type": "sgd"}, "loss": "cross_entropy",
            "architecture": {"input_dim": 64, "output_dim": 10, "activation": "relu",
                             "output_activation": "softmax"}, "metrics": ["accuracy"]}}
    key = {"Content-Type": "application/json", "Idempotency-Key": os.urandom(16).hex()}
    session = call(network.api, "POST", BASE, json.dumps(order), key)["session_id"]
    call(network.api, "POST", f"{BASE}/{session}/start")
    memory = 0
    while True:
        view = call(network.api, "GET", f"{BASE}/{session}")
        if view["state"] in ("completed", "failed", "cancelled"):
            break
        if view["round"] == rounds:
            memory = max([memory] + [resident(pid) for pid in network.workers()])
        time.sleep(0.05)
    if view["state"] != "completed":
        raise SystemExit(f"the session ended as {view['state']}")
    return session, memory or max(resident(pid) for pid in network.workers())


def seconds(network, session):
    """Of each settled round; the first also pays for fetching the data."""
    views = call(network.api, "GET", f"{BASE}/{session}/rounds")["rounds"]
    return [view["seconds"] for view in views][1:], views[-1]["accuracy"]


def milliseconds(values):
    ordered = sorted(values)
    return (f"median {statistics.median(ordered) * 1e3:.1f} ms "
            f"({ordered[0] * 1e3:.1f} to {ordered[-1] * 1e3:.1f}, a quarter below "
            f"{ordered[len(ordered) // 4] * 1e3:.1f}, {len(ordered)} rounds)")


def verdict(value, bar):
    return "met" if value <= bar else "missed"


def demonstration(martlet, rounds):
    network = Network(martlet, workers=4, liars=1, rounds=10)
    try:
        first = network.report["first_round_seconds"]
        print(f"first round starts after the demo's start: {first:.2f} s, bar 1 s "
              f"{verdict(first, FIRST_ROUND_BAR)}")
        print(f"whole demo, 10 rounds, 1 liar: {network.report['seconds']:.2f} s, bar 20 s "
              f"{verdict(network.report['seconds'], DEMO_BAR)}; loads of the last minutes "
              f"{open('/proc/loadavg').read().rsplit(' ', 2)[0]}")
    finally:
        network.close()
    network = Network(martlet, workers=4, liars=0, rounds=1)
    try:
        before = network.cpu_seconds()
        session, memory = variant(network, rounds, 16, 4)
        spent = (network.cpu_seconds() - before) / rounds
        times, accuracy = seconds(network, session)
        print(f"round, 4 worker processes, 4 clients, batch 16: {milliseconds(times)}, bar 60 ms "
              f"{verdict(statistics.median(times), ROUND_BAR)}")
        print(f"processor time of all processes a round: {spent * 1e3:.1f} ms")
        print(f"resident memory of the largest worker in the last round: {memory / 1e6:.1f} MB, "
              f"bar 40 MB {verdict(memory, WORKER_BAR)}")
    finally:
        network.close()


def ten_clients(martlet, rounds):
    network = Network(martlet, workers=10, liars=0, rounds=1)
    try:
        before = network.cpu_seconds()
        session, memory = variant(network, rounds, 32, 10)
        spent = (network.cpu_seconds() - before) / rounds
        times, accuracy = seconds(network, session)
        median = statistics.median(times)
        low, high = FLOWER_ROUND
        print(f"round, 10 worker processes, 10 clients, batch 32: {milliseconds(times)}, "
              f"bar 60 ms {verdict(median, ROUND_BAR)}, {memory / 1e6:.1f} MB a worker, "
              f"accuracy {accuracy:.4f} after {rounds} rounds; processor time {spent * 1e3:.1f} ms")
        print(f"Flower needs {low:.1f} to {high:.1f} s for the same round: "
              f"{low / median:.0f} to {high / median:.0f} times as long")
    finally:
        network.close()


def main():
    martlet = sys.argv[1]
    rounds = 4 if "--smoke" in sys.argv else 41
    demonstration(martlet, rounds)
    ten_clients(martlet, rounds)


main()
