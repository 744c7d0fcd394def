"""The lines of `Scripts/acceptance` about a network by hand: content, sessions, receipts, REST."""

import http.client
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import urllib.parse

from checks import MARTLET, ROOT, martlet

PROFILES = {"v0": "unixfs-v0-2015", "v1-2025": "unixfs-v1-2025"}


def content(table):
    vectors = json.loads((ROOT / "Tests/Vectors/ipfs-files.json").read_text())["vectors"]
    with tempfile.TemporaryDirectory() as folder:
        path, right, wrong = pathlib.Path(folder, "file"), 0, []
        for vector in vectors:
            recipe, profile = vector["recipe"], PROFILES.get(vector["profile"])
            if profile is None or recipe["gen"] != "utf8":
                continue
            path.write_text(recipe["text"])
            _, output, _ = martlet("content", "add", path, "--only-hash", "--profile", profile,
                                   "--json")
            if output and json.loads(output) == {"cid": vector["cid"], "size": vector["tsize"]}:
                right += 1
            else:
                wrong.append(vector["cid"])
        table.add("published CIDs and sizes", "martlet content add FILE --only-hash --json",
                  f"{right} right, {len(wrong)} wrong", right > 0 and not wrong)


class Home:
    """A server and two workers, started as a person would."""

    def __init__(self, folder):
        self.folder, self.home, self.processes = folder, f"{folder}/home", []
        self.initialised = martlet("init", "--home", self.home)[0]
        server = self.start("server", "start", "--home", self.home, "--port", "0", "--listen",
                            "/ip4/127.0.0.1/tcp/0", "--json", stdout=subprocess.PIPE)
        self.ready = json.loads(server.stdout.readline() or "{}")
        for number in "12":
            self.start("node", "start", "--role", "worker", "--home", f"{folder}/worker-{number}",
                       "--join", self.ready.get("peers", ""), stdout=subprocess.DEVNULL)

    def start(self, *words, stdout):
        process = subprocess.Popen([MARTLET, *words], stdout=stdout, stderr=subprocess.DEVNULL,
                                   stdin=subprocess.DEVNULL, text=True)
        self.processes.append(process)
        return process

    def __call__(self, *words, **options):
        return martlet(*words, "--home", self.home, **options)

    def stop(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait(30)


def hand(table):
    with tempfile.TemporaryDirectory() as folder:
        home = Home(folder)
        try:
            by_hand(table, home, folder)
        finally:
            home.stop()


def by_hand(table, home, folder):
    table.add("init, server start", "martlet init; martlet server start --port 0",
              home.ready.get("api", "no answer"), home.initialised == 0 and "api" in home.ready)
    _, output, _ = home("content", "add", "Examples/data/digits.csv.gz", "--json")
    cid = json.loads(output or "{}").get("cid", "")
    _, output, errors = home(
        "fl", "create-session", "--name", "acceptance", "--dataset-cid", cid, "--config-file",
        "Examples/model_config.json", "--total-rounds", "5", "--min-participants", "2", "--start",
        "--json")
    session = json.loads(output or "{}").get("session_id", "")
    table.add("a session by hand", "martlet fl create-session … --start", session[:16] or errors,
              bool(session))
    home("fl", "watch", session)
    _, output, _ = home("fl", "status", session, "--json")
    view = json.loads(output or "{}")
    table.add("watch, status", "martlet fl watch; martlet fl status",
              f"{view.get('state')}, accuracy {view.get('accuracy')}",
              view.get("state") == "completed")
    _, output, _ = home("fl", "verify", session, "--json")
    audit = json.loads(output or "{}")
    table.add("every aggregate recomputed", "martlet fl verify SESSION",
              f"{audit.get('updates')} updates, mismatches {audit.get('mismatches')}",
              audit.get("updates") == 20 and audit.get("mismatches") == [])
    model = f"{folder}/model.safetensors"
    status, _, _ = home("fl", "get-model", session, "-o", model)
    size = os.path.getsize(model) if status == 0 else 0
    table.add("the model as safetensors", "martlet fl get-model SESSION -o FILE", f"{size} bytes",
              size > 0)
    copy = f"{folder}/digits"
    home("content", "get", cid, "-o", copy)
    same = os.path.exists(copy) and (
        pathlib.Path(copy).read_bytes() == (ROOT / "Examples/data/digits.csv.gz").read_bytes())
    table.add("content comes back", "martlet content get CID -o FILE", cid, same)
    receipts(table, home, folder, session)


def receipts(table, home, folder, session):
    receipt = f"{folder}/receipt.json"
    _, output, _ = home("receipt", "get", session, "1", "0")
    pathlib.Path(receipt).write_text(output)
    genesis = f"{home.home}/genesis.json"
    command = "martlet receipt verify FILE"
    trusted = martlet("receipt", "verify", receipt, "--trust", genesis)[0]
    table.add("a receipt under its genesis", command + " --trust GENESIS", f"exit {trusted}",
              trusted == 0)
    status, output, errors = martlet("receipt", "verify", receipt)
    table.add("without a trust root it is only self-consistent", command, f"exit {status}",
              status == 4 and "self-consistent only" in output + errors)
    original = json.loads(pathlib.Path(receipt).read_text())
    for field in ("amount", "worker", "transaction", "inclusion", "header", "certificate"):
        text = original[field]
        forged = original | {field: text[:-1] + ("1" if text[-1] != "1" else "2")}
        pathlib.Path(receipt).write_text(json.dumps(forged))
        status = martlet("receipt", "verify", receipt, "--trust", genesis)[0]
        table.add(f"a receipt with another {field} is refused", command + " --trust GENESIS",
                  f"exit {status}", status not in (0, 124))
    for words in (["ledger", "status"], ["ledger", "account"], ["ledger", "block", "1"],
                  ["fl", "list"], ["config", "show"]):
        status, output, _ = home(*words, "--json")
        table.add(" ".join(words), f"martlet {' '.join(words)} --json", f"exit {status}",
                  status == 0 and bool(json.loads(output)))


def rest(table):
    with tempfile.TemporaryDirectory() as folder:
        home = Home(folder)
        try:
            place = urllib.parse.urlparse(home.ready["api"])
            _, output, _ = home("server", "key", "create", "--label", "acceptance", "--json")
            key = json.loads(output).get("key", "")
            requests(table, place, key)
        finally:
            home.stop()


def requests(table, place, key):
    bearer = {"Authorization": f"Bearer {key}"}
    sessions = "/api/v1/federated-learning/sessions"
    kind = {"Content-Type": "application/json"}
    for line, method, path, headers, body, wanted in [
        ("health", "GET", "/api/v1/health", {}, None, 200),
        ("the OpenAPI document", "GET", "/api/v1/openapi.json", {}, None, 200),
        ("Prometheus figures", "GET", "/metrics", bearer, None, 200),
        ("the dashboard", "GET", "/", {}, None, 200),
        ("a change without a key", "POST", sessions, kind, "{}", 401),
        ("a wrong key", "GET", sessions, {"Authorization": "Bearer mk_wrong"}, None, 401),
        ("a page of another site", "GET", "/api/v1/health", {"Host": "evil.example"}, None, 403),
        ("no such session", "GET", f"{sessions}/{'0' * 64}", bearer, None, 404),
        ("an order that is no order", "POST", sessions, bearer | kind, "{}", 422),
        ("a body that is too large", "POST", sessions, bearer | kind | {
            "Content-Length": str(100 << 20)}, None, 413),
    ]:
        connection = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            table.add(line, f"{method} {path[:40]}", repr(error), False)
            continue
        finally:
            connection.close()
        explained = answer.status < 400 or {"code", "message", "hint"} <= set(json.loads(text))
        table.add(line, f"{method} {path[:40]}", answer.status,
                  answer.status == wanted and explained
                  and ("openapi" not in path or json.loads(text)["openapi"].startswith("3.1")))
