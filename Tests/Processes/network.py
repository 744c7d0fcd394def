"""A Martlet network of real processes, for tests that kill them or feed them nonsense.

Only the standard library. Every process is started by the commands that a person would type, with
its state in a temporary directory, and talks on loopback alone.
"""

import hashlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# A process that has not answered for so long never will, even on a busy machine.
READY_SECONDS = 30
# The same for a whole session of the sizes used here.
SESSION_SECONDS = 60
SESSIONS = "/api/v1/federated-learning/sessions"


def binary():
    """The program under test: $MARTLET, or the newest build."""
    named = os.environ.get("MARTLET")
    if named:
        return os.path.abspath(named)
    for kind in ("release", "debug"):
        path = ROOT / ".build" / kind / "martlet"
        if path.exists():
            return str(path)
    sys.exit("error: there is no built martlet\nhint: run `make build`, or set MARTLET")


class Miss(Exception):
    """Something that the product promises did not hold."""


def require(condition, sentence):
    if not condition:
        raise Miss(sentence)


class APIError(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment():
    """Settings of the person who runs the tests must not leak into them."""
    return {k: v for k, v in os.environ.items() if not k.startswith("MARTLET")}


def table(rows=240, inputs=8, classes=3):
    """A small separable data set as CSV; the same bytes each time."""
    lines = []
    state = 12345
    for row in range(rows):
        label = row % classes
        values = []
        for column in range(inputs):
            state = (state * 1103515245 + 12345) % 2**31
            values.append(str((4 if column % classes == label else 0) + (state >> 16) % 4))
        lines.append(",".join(values + [str(label)]))
    return ("\n".join(lines) + "\n").encode()


class Network:
    """One coordinator, one validator, one evaluator and some workers, each a process."""

    def __init__(self, workers=4):
        self.program = binary()
        self.root = tempfile.mkdtemp(prefix="martlet-processes-")
        self.names = [f"worker-{index + 1}" for index in range(workers)]
        self.processes = {}
        self.peers = ""
        self.port = free_port()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        for name in list(self.processes):
            self.stop(name, signal.SIGKILL)
        if kind is not None and os.environ.get("KEEP"):
            print(f"kept {self.root}", file=sys.stderr)
        else:
            shutil.rmtree(self.root, ignore_errors=True)

    def home(self, name):
        return os.path.join(self.root, name)

    def run(self, *words, home="coordinator", timeout=READY_SECONDS, extra=None):
        """Runs one command to its end and returns (status, output, errors)."""
        done = subprocess.run(
            [self.program, "--home", self.home(home), *words], capture_output=True,
            timeout=timeout, env={**environment(), **(extra or {})}, cwd=self.root)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    # -- processes

    def prepare(self):
        """Keys and genesis; the validator gets a home of its own so that it can be killed alone."""
        status, _, errors = self.run("init", "--name", "test")
        require(status == 0, f"init failed: {errors}")
        os.makedirs(self.home("validator"), mode=0o700)
        for source, target in [("validator.key", "identity.key"), ("beacon.key", "beacon.key"),
                               ("genesis.json", "genesis.json")]:
            shutil.copy2(os.path.join(self.home("coordinator"), source),
                         os.path.join(self.home("validator"), target))

    def spawn(self, name, words, home=None):
        with open(os.path.join(self.root, f"{name}.log"), "ab") as log:
            self.processes[name] = subprocess.Popen(
                [self.program, "--home", self.home(home or name), *words],
                stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL,
                env=environment(), cwd=self.root)
        return self.processes[name]

    def start_coordinator(self):
        process = self.spawn("coordinator", [
            "server", "start", "--json", "--no-roles", "--port", "0", "--listen",
            f"/ip4/127.0.0.1/tcp/{self.port}", "--stake-grants", str(len(self.names))])
        line = process.stdout.readline()
        require(line, f"the coordinator did not start: {self.log('coordinator')}")
        self.peers = json.loads(line)["peers"]

    def start_node(self, name, role="worker", *more):
        return self.spawn(
            name, ["node", "start", "--role", role, "--label", name, "--join", self.peers, *more])

    def start(self):
        self.start_coordinator()
        self.start_node("validator", "validator")
        self.start_node("evaluator", "evaluator")
        for name in self.names:
            self.start_node(name)
        self.wait(self.is_ready, "all workers have stake")

    def is_ready(self):
        minimum = 50 * 10**18
        nodes = [n for n in self.get("/api/v1/nodes")["nodes"] if n["state"] == "connected"]
        staked = [n for n in nodes if n["role"] == "worker" and int(n["stake"]) >= minimum]
        return len(staked) == len(self.names) and len(nodes) == len(self.names) + 2

    def stop(self, name, how):
        process = self.processes.pop(name, None)
        if process is None:
            return
        process.send_signal(how)
        process.wait(READY_SECONDS)
        process.stdout.close()

    def kill(self, name):
        self.stop(name, signal.SIGKILL)

    def log(self, name):
        with open(os.path.join(self.root, f"{name}.log"), errors="replace") as file:
            return file.read()[-2000:]

    # -- REST

    def call(self, method, path, body=None, headers=None, timeout=READY_SECONDS):
        connection = UnixConnection(os.path.join(self.home("coordinator"), "api.sock"), timeout)
        try:
            if isinstance(body, dict):
                body = json.dumps(body)
                headers = {"Content-Type": "application/json", **(headers or {})}
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.status >= 300:
            raise APIError(response.status, content.decode(errors="replace"))
        return content

    def get(self, path):
        return json.loads(self.call("GET", path))

    def post(self, path, body=None):
        return json.loads(self.call("POST", path, body))

    def wait(self, condition, what, seconds=READY_SECONDS):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                value = condition()
                if value:
                    return value
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.02)
        raise Miss(f"after {seconds} s it is not so that {what}")

    def upload(self, content):
        return json.loads(self.call("POST", "/api/v1/content", content))["cid"]

    def download(self, cid):
        return self.call("GET", f"/api/v1/content/{cid}")

    # -- sessions

    def order(self, dataset, rounds=6, clients=4, audit=1.0, seed=7, epochs=6, at_least=3):
        return {
            "name": "kills", "model_type": "mlp", "dataset_cid": dataset, "total_rounds": rounds,
            "min_participants": at_least, "clients": clients, "seed": seed, "learning_rate": 0.1,
            "batch_size": 4, "local_epochs": epochs, "audit_rate": audit, "segment_steps": 5,
            "model_config": {
                "hidden_size": 16, "loss": "cross_entropy", "metrics": ["accuracy"],
                "optimizer": {"type": "sgd"},
                "architecture": {"input_dim": 8, "output_dim": 3, "activation": "relu",
                                 "output_activation": "softmax"}}}

    def create(self, order):
        return self.post(SESSIONS, order)["session_id"]

    def begin(self, session):
        return self.post(f"{SESSIONS}/{session}/start")

    def session(self, session):
        return self.get(f"{SESSIONS}/{session}")

    def wait_until_done(self, session):
        def is_done():
            view = self.session(session)
            require(view["state"] not in ("failed", "cancelled"), f"the session ended: {view}")
            return view if view["state"] == "completed" and view["accuracy"] is not None else None
        try:
            return self.wait(is_done, "the session is completed and scored", SESSION_SECONDS)
        except Miss as miss:
            raise Miss(f"{miss}: {json.dumps(self.session(session))}") from None

    def blocks(self):
        height = self.get("/api/v1/ledger/status")["height"]
        return [self.get(f"/api/v1/ledger/blocks/{number}") for number in range(1, height + 1)]

    def accounts(self):
        return {a["account"]: a for a in self.get("/api/v1/ledger/accounts")["accounts"]}


def digest(content):
    return hashlib.sha256(content).hexdigest()
