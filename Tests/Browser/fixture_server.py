#!/usr/bin/env python3
"""Serves Web/ beside made-up answers of the REST interface, for working on the dashboard alone.

usage: fixture_server.py [--port 0] [--rounds 10] [--pace 1.0] [--empty]
Prints the address. One client's updates are rejected from its second round on; rounds advance every
`--pace` seconds and are announced as server-sent events.
"""
import argparse, hashlib, http.server, json, pathlib, queue, threading, time

root = pathlib.Path(__file__).resolve().parents[2] / "Web"
types = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
unit = 10**18
session_id = "3f9c2a7e41d0"


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def cid(text):
    return "bafkrei" + digest(text)[:52]


def peer(text):
    return "12D3KooW" + digest(text)[:44]


class Network:
    """A session of ten clients on four workers, as the page would see it."""

    def __init__(self, rounds_total, is_empty):
        self.lock, self.watchers = threading.Lock(), []
        self.is_empty, self.total, self.rounds, self.blocks = is_empty, rounds_total, [], []
        self.slashed, self.started = False, time.time()
        names = [("worker 1", "worker"), ("worker 2", "worker"), ("worker 3", "worker"),
                 ("worker 4", "worker"), ("validator", "validator"), ("evaluator", "evaluator")]
        self.roles = [] if is_empty else names

    def hosts(self, client):
        alive = [1, 2, 4] if self.slashed else [1, 2, 3, 4]
        return f"worker {alive[client % len(alive)]}"

    def stake(self, label):
        return 0 if label == "worker 3" and self.slashed else 100 * unit

    def nodes(self):
        def state(label):
            return "slashed" if label == "worker 3" and self.slashed else "connected"
        return [{"peer_id": peer(label), "role": role, "label": label, "state": state(label),
                 "account": digest(label)[:40], "stake": str(self.stake(label)),
                 "hosting": [c for c in range(10) if self.hosts(c) == label],
                 "last_seen_ms": int(time.time() * 1000) - 400} for label, role in self.roles]

    def accounts(self):
        done = len([r for r in self.rounds if r["state"] == "settled"])
        paid = {"client": 1000 * unit - done * 10 * unit, "treasury": 100 * unit if self.slashed else 0}
        for label, role in self.roles:
            lies = label == "worker 3"
            paid[label] = 5 * unit + (done * 5 * unit // 2 + 1 if role == "worker" and not lies else 0)
        if self.is_empty:
            paid = {}
        return [{"account": digest(name)[:40], "label": name, "balance": str(value),
                 "stake": str(self.stake(name) if name.startswith("worker") else 0),
                 "accepted": done if name.startswith("worker") else 0, "rejected": 0,
                 "reputation": 0.04 if name == "worker 3" and self.slashed else 0.93}
                for name, value in paid.items()]

    def session(self):
        last = next((r for r in reversed(self.rounds) if r["accuracy"] is not None), {})
        over = bool(last) and last["round"] == self.total
        return {"session_id": session_id, "name": "digits, 64-128-10", "round": last.get("round", 0),
                "state": "finished" if over else "running", "total_rounds": self.total,
                "waiting_for": None, "accuracy": last.get("accuracy"), "loss": last.get("loss"),
                "model_cid": cid(f"model {last.get('round')}"), "audit_rate": 1.0,
                "model_hash": digest(f"model {last.get('round')}"), "miss_probability": 0.0,
                "beacon": "trusted_validator", "clients": 10}

    def update(self, number, client, status, worker=None):
        worker = worker or self.hosts(client)
        lies = worker == "worker 3" and status != "pending"
        return {"client": client, "worker": peer(worker),
                "status": "rejected" if lies else status,
                "reason": "segment 3 ends in other bits" if lies else None,
                "replayed_segments": 0 if status == "pending" else 4 if lies else 18, "segments": 18,
                "update_cid": None if status == "pending" else cid(f"update {number} {client} {worker}")}

    def announce(self, kind, data):
        text = f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()
        for watcher in list(self.watchers):
            watcher.put(text)

    def block(self, transactions):
        height = len(self.blocks) + 1
        block = {"height": height, "hash": digest(f"block {height}"), "proposer": peer("validator"),
                 "time_ms": int(time.time() * 1000), "transactions": transactions}
        self.blocks.append(block)
        self.announce("block", block)

    def run_round(self, number, pace):
        record = {"round": number, "state": "training", "accuracy": None, "loss": None,
                  "seconds": None, "aggregate_cid": None, "aggregate_hash": None,
                  "updates": [self.update(number, c, "pending") for c in range(10)]}
        self.rounds.append(record)
        self.announce("round", record)
        for client in range(10):
            time.sleep(pace / 12)
            record["updates"][client] = self.update(number, client, "accepted")
            self.announce("update", {"round": number, **record["updates"][client]})
            if self.hosts(client) == "worker 3":
                again = self.update(number, client, "accepted", "worker 1")
                record["updates"].append(again)
                self.announce("update", {"round": number, **again})
        if number == 2 and not self.slashed:
            self.slashed = True
            for node in self.nodes():
                self.announce("node", node)
        accuracy = 0.97 - 0.55 * 0.55**number
        record.update(state="settled", accuracy=accuracy, loss=0.1 + 1.9 * 0.62**number,
                      seconds=0.054, aggregate_cid=cid(f"model {number}"),
                      aggregate_hash=digest(f"model {number}"))
        self.announce("round", record)
        self.announce("session", self.session())
        self.block(21)

    def run(self, pace):
        if self.is_empty:
            return
        for number in range(1, self.total + 1):
            self.run_round(number, pace)

    def content(self):
        """Five IPFS nodes, of which one is degraded and one cannot be used."""
        kinds = [("localhost:5001", "rpc", "healthy", None), ("embedded", "embedded", "healthy", None),
                 ("gateway-1:8080", "gateway", "healthy", None),
                 ("gateway-2:8080", "gateway", "degraded", None),
                 ("gateway-3:8080", "gateway", "unhealthy", "cannot be reached")]
        nodes = [{"node": name, "url": f"http://{name}", "kind": kind, "health": health,
                  "healthy": health != "unhealthy", "score": 0.97 if health == "healthy" else 0.4,
                  "latency_seconds": None if fault else 0.012, "lies": 0, "version": None,
                  "breakers": {"read": "open" if fault else "closed", "stream": "closed"},
                  "fault": fault} for name, kind, health, fault in kinds]
        moved = int((time.time() - self.started) * 2_000_000)
        pins = [] if self.is_empty else [
            {"cid": cid(f"pin {n}"), "name": "" if n % 3 else f"model-{n}.safetensors",
             "type": "recursive", "blocks": 4000 // n, "bytes": 4_000_000_000 // n}
            for n in range(1, 9)]
        return {
            "/ipfs/health": {"status": "degraded",
                             "nodes": {"total": 5, "healthy": 4, "unhealthy": 1},
                             "performance": {"avg_response_time": 0.012, "cache_hit_rate": 0.87,
                                             "operations_per_second": 45.2}},
            "/ipfs/status": {"status": "degraded", "nodes": nodes, "operations_per_second": 45.2,
                             "pins_queued": 2,
                             "cache": {"hits": 1840, "misses": 287, "hit_rate": 0.87,
                                       "bytes": 61_000_000, "bytes_max": 100_000_000},
                             "traffic": {"uploaded_bytes": moved, "downloaded_bytes": 3 * moved},
                             "store": {"blocks": 81_204, "bytes": 21_400_000_000, "pins": len(pins),
                                       "unpinned_blocks": 12, "damaged_blocks": 0}},
            "/ipfs/pins": {"pins": pins},
        } | self.described()

    def described(self):
        """A model tuned from another one on two data sets, one of them without a record."""
        def record(name, kind, *parents):
            return {"type": kind, "name": name, "size": 52_000_000, "licence": "Apache-2.0",
                    "tags": [], "format": "safetensors", "creator": peer("client"),
                    "created_ms": 0, "parents": [cid(parent) for parent in parents]}
        family = [("digits tuned", 0, record("digits tuned", "model", "digits", "new digits")),
                  ("digits", 1, record("digits", "model", "optdigits")),
                  ("new digits", 1, None), ("optdigits", 2, record("optdigits", "dataset"))]
        nodes = [{"cid": cid(name), "generation": generation, "record": None, "statement": said,
                  "state": "signed" if said else "unrecorded"} for name, generation, said in family]
        contents = [{"cid": cid(name), **said} for name, _, said in family if said]
        root = cid("digits tuned")
        return {"/ipfs/provenance": {"contents": [] if self.is_empty else contents},
                f"/ipfs/provenance/{root}": {"cid": root, "cut": False, "nodes": nodes}}

    def answer(self, path):
        sessions = [] if self.is_empty else [self.session()]
        routes = {
            "/health": {"status": "ok", "version": "0.1.0", "network": "fixture",
                        "uptime_seconds": int(time.time() - self.started)},
            "/nodes": {"nodes": self.nodes()},
            "/federated-learning/sessions": {"sessions": sessions},
            f"/federated-learning/sessions/{session_id}": self.session(),
            f"/federated-learning/sessions/{session_id}/rounds": {"rounds": self.rounds},
            "/ledger/status": {"height": len(self.blocks), "beacon": "trusted_validator",
                               "supply": str(2000 * unit), "symbol": "FTNS", "decimals": 18,
                               "validators": 1},
            "/ledger/accounts": {"accounts": self.accounts()},
            "/ledger/blocks": {"blocks": self.blocks[::-1][:20]},
        } | self.content()
        return routes.get(path)


class Handler(http.server.BaseHTTPRequestHandler):
    network = None
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, kind, body):
        self.send_response(status)
        for name, value in (("content-type", kind), ("content-length", str(len(body))),
                            ("content-security-policy", "default-src 'self'"),
                            ("cache-control", "no-store")):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path.endswith("/events"):
            return self.stream()
        if path.startswith("/api/v1"):
            body = self.network.answer(path.removeprefix("/api/v1"))
            status = 200 if body else 404
            body = body or {"code": "not_found", "message": "No such route.", "hint": ""}
            return self.reply(status, "application/json", json.dumps(body).encode())
        page = {"/": "index.html", "/content": "content.html"}.get(path, path.lstrip("/"))
        file = (root / page).resolve()
        if not file.is_relative_to(root) or not file.is_file():
            return self.reply(404, "text/plain", b"not found")
        self.reply(200, types.get(file.suffix, "application/octet-stream"), file.read_bytes())

    def stream(self):
        watcher = queue.Queue()
        self.network.watchers.append(watcher)
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        try:
            while True:
                self.wfile.write(watcher.get())
                self.wfile.flush()
        except OSError:
            self.network.watchers.remove(watcher)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--pace", type=float, default=1.0)
    parser.add_argument("--empty", action="store_true")
    options = parser.parse_args()
    Handler.network = Network(options.rounds, options.empty)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    server.daemon_threads = True
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    threading.Thread(target=Handler.network.run, args=[options.pace], daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
