#!/usr/bin/env python3
"""A py-libp2p node that is found and finds others, commanded over a control socket (see control.py).

    py_discovery_peer.py SOCKET OPTIONS

OPTIONS is a JSON object; each member is left out for no:
    mdns          the address of the interface to use multicast DNS on
    rendezvous    true: serves as a rendezvous point
"""

import functools
import pathlib
import secrets
import sys

import multiaddr
import trio
import zeroconf
from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.discovery.events.peerDiscovery import peerDiscovery
from libp2p.discovery.mdns import create_mdns_discovery
from libp2p.discovery.mdns import mdns as mdns_module
from libp2p.discovery.rendezvous.client import RendezvousClient
from libp2p.discovery.rendezvous.service import RendezvousService
from libp2p.peer.peerinfo import info_from_p2p_addr

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import trio_control  # noqa: E402


class Peer:
    def __init__(self, options):
        self.options = options
        self.host = new_host(key_pair=create_new_key_pair(secrets.token_bytes(32)))
        self.found = {}
        self.mdns = None
        if options.get("rendezvous"):
            self.point = RendezvousService(self.host)

    async def run(self, path):
        addresses = [multiaddr.Multiaddr("/ip4/127.0.0.1/tcp/0")]
        async with self.host.run(listen_addrs=addresses):
            if "mdns" in self.options:
                self.start_mdns(self.options["mdns"])
            await trio_control.serve(self, path)

    def start_mdns(self, interface):
        # It would use every interface; the test's packets stay on one.
        mdns_module.Zeroconf = functools.partial(zeroconf.Zeroconf, interfaces=[interface])
        peerDiscovery.register_peer_discovered_handler(self.discovered)
        self.mdns = create_mdns_discovery(
            self.host.get_network(), host=self.host)

    def discovered(self, info):
        self.found[str(info.peer_id)] = [str(a) for a in info.addrs]

    async def do_self(self):
        return {"peer": str(self.host.get_id()), "addresses": [str(a) for a in self.host.get_addrs()]}

    async def do_begin_mdns(self):
        """Registers its name, which zeroconf takes a second for in a thread of its own."""
        await trio.to_thread.run_sync(self.mdns.broadcaster.register)

    async def do_found(self):
        return self.found

    # -- rendezvous

    async def client(self, point):
        info = info_from_p2p_addr(multiaddr.Multiaddr(point))
        await self.host.connect(info)
        return RendezvousClient(self.host, info.peer_id)

    async def do_register(self, point, namespace, seconds):
        return await (await self.client(point)).register(namespace, seconds)

    async def do_unregister(self, point, namespace):
        await (await self.client(point)).unregister(namespace)

    async def do_discover(self, point, namespace, limit, cookie):
        peers, cookie = await (await self.client(point)).discover(
            namespace, limit, bytes.fromhex(cookie))
        return {"peers": [str(info.peer_id) for info in peers], "cookie": cookie.hex()}


if __name__ == "__main__":
    trio_control.run(Peer)
