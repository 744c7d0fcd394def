#!/usr/bin/env python3
"""A py-libp2p node that a test commands over a control socket (see control.py).

    py_peer.py SOCKET OPTIONS

OPTIONS is a JSON object; each member is left out for no:
    listen        false: it listens nowhere, and is reached through relays alone
    kademlia      the protocol to serve
    gossipsub     true
    relay         "hop", to relay for others, or "stop", to be reached and to dial through relays
    autonat       true: dials back
    bitswap       true: exchanges blocks
    punches       true: upgrades relayed connections (DCUtR), as it is told to or follows
    secret        64 hexadecimal digits: the secret of py-libp2p's own private network
"""

import pathlib
import secrets
import sys
import time

import multiaddr
import trio
from libp2p import new_host
from libp2p.bitswap.client import BitswapClient
from libp2p.bitswap.dag import MerkleDag
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.custom_types import TProtocol
from libp2p.host.autonat.autonat import AutoNATService
from libp2p.host.ping import ID as PING
from libp2p.host.ping import handle_ping
from libp2p.identity.identify.identify import ID as IDENTIFY
from libp2p.identity.identify.identify import parse_identify_response
from libp2p.identity.identify_push.identify_push import push_identify_to_peer
from libp2p.kad_dht.kad_dht import DHTMode, KadDHT
from libp2p.peer.envelope import consume_envelope
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.pubsub.gossipsub import GossipSub
from libp2p.pubsub.pubsub import Pubsub
from libp2p.relay.circuit_v2.config import RelayConfig, RelayRole
from libp2p.relay.circuit_v2.dcutr import DCUtRProtocol
from libp2p.relay.circuit_v2.protocol import PROTOCOL_ID as HOP
from libp2p.relay.circuit_v2.protocol import CircuitV2Protocol
from libp2p.relay.circuit_v2.resources import RelayLimits
from libp2p.relay.circuit_v2.transport import CircuitV2Transport
from libp2p.tools.anyio_service import background_trio_service
from libp2p.utils.varint import read_length_prefixed_protobuf

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import trio_control  # noqa: E402

ECHO = TProtocol("/test/echo/1.0.0")
MESHSUB = [TProtocol("/meshsub/1.2.0"), TProtocol("/meshsub/1.1.0")]


def speak_kademlia_as(protocol):
    """py-libp2p has one name for its DHT, a constant that each of its modules imported."""
    for name, module in list(sys.modules.items()):
        if name.startswith("libp2p.kad_dht") and hasattr(module, "PROTOCOL_ID"):
            module.PROTOCOL_ID = TProtocol(protocol)


class Puncher(DCUtRProtocol):
    """Punches when it is told to, though on one machine it could simply dial."""

    async def _auto_drive_loop(self):
        await trio.sleep_forever()

    async def _try_unilateral_upgrade(self, peer_id):
        return False


class Peer:
    def __init__(self, options):
        self.options = options
        self.host = new_host(
            key_pair=create_new_key_pair(secrets.token_bytes(32)), psk=options.get("secret"))
        self.host.set_stream_handler(PING, handle_ping)
        self.host.set_stream_handler(ECHO, self.echo_back)
        self.received = []
        self.echoed = 0
        self.services = []
        self.nursery = None
        self.prepare_protocols()

    def prepare_protocols(self):
        options = self.options
        if "kademlia" in options:
            speak_kademlia_as(options["kademlia"])
            self.dht = KadDHT(self.host, DHTMode.SERVER)
            self.services.append(self.dht)
        if options.get("gossipsub"):
            self.router = GossipSub(
                protocols=MESHSUB, degree=6, degree_low=4, degree_high=12, heartbeat_interval=1)
            self.pubsub = Pubsub(self.host, self.router)
            self.services += [self.pubsub, self.router]
        if "relay" in options:
            hops = options["relay"] == "hop"
            limits = RelayLimits(
                duration=120, data=1 << 17, max_circuit_conns=4, max_reservations=4)
            roles = RelayRole.STOP | RelayRole.CLIENT | (RelayRole.HOP if hops else RelayRole(0))
            self.relay = CircuitV2Protocol(self.host, limits=limits, allow_hop=hops)
            self.circuits = CircuitV2Transport(
                self.host, self.relay, RelayConfig(roles=roles, limits=limits))
            self.services.append(self.relay)
        if options.get("autonat"):
            self.autonat = AutoNATService(self.host)
        if options.get("bitswap"):
            self.bitswap = BitswapClient(self.host)
            self.dag = MerkleDag(self.bitswap)
        if options.get("punches"):
            self.puncher = Puncher(self.host)
            self.services.append(self.puncher)

    async def echo_back(self, stream):
        try:
            while data := await stream.read(1 << 14):
                self.echoed += len(data)
                await stream.write(data)
        except Exception:  # The other side is gone.
            pass
        await stream.close()

    async def run(self, path):
        listen = self.options.get("listen", True)
        addresses = [multiaddr.Multiaddr("/ip4/127.0.0.1/tcp/0")] if listen else []
        async with self.host.run(listen_addrs=addresses), trio.open_nursery() as self.nursery:
            for service in self.services:
                self.nursery.start_soon(self.keep_running, service)
            if self.options.get("bitswap"):
                self.bitswap.set_nursery(self.nursery)
                await self.bitswap.start()
            await trio_control.serve(self, path)

    async def keep_running(self, service):
        async with background_trio_service(service):
            await trio.sleep_forever()

    # -- the commands: connections

    async def do_self(self):
        addresses = [str(address) for address in self.host.get_addrs()]
        return {"peer": str(self.host.get_id()), "addresses": addresses}

    async def do_connect(self, address):
        await self.host.connect(info_from_p2p_addr(multiaddr.Multiaddr(address)))

    async def do_is_relayed(self, peer):
        """Whether it knows of a connection that it is relayed, which it notes a moment later."""
        found = self.host.get_network().connections.get(ID.from_string(peer), [])
        return any("/p2p-circuit" in str(address)
                   for connection in (found if isinstance(found, list) else [found])
                   for address in connection.get_transport_addresses())

    async def do_ping(self, peer, count):
        stream = await self.host.new_stream(ID.from_string(peer), [PING])
        times = []
        for _ in range(count):
            payload = secrets.token_bytes(32)
            started = time.monotonic()
            await stream.write(payload)
            assert await stream.read(32) == payload
            times.append((time.monotonic() - started) * 1e6)
        await stream.close()
        return times

    async def do_echo(self, peer, size):
        stream = await self.host.new_stream(ID.from_string(peer), [ECHO])
        payload, back = secrets.token_bytes(size), b""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream.write, payload)
            while len(back) < size and (data := await stream.read(size - len(back))):
                back += data
        await stream.close()
        return back == payload

    async def do_echoed(self):
        return self.echoed

    async def do_identify(self, peer):
        stream = await self.host.new_stream(ID.from_string(peer), [IDENTIFY])
        message = parse_identify_response(await read_length_prefixed_protobuf(stream))
        await stream.close()
        signer = ""
        if message.signedPeerRecord:
            _, record = consume_envelope(message.signedPeerRecord, "libp2p-peer-record")
            signer = str(record.peer_id)
        return {
            "agent": message.agent_version, "protocols": list(message.protocols),
            "public_key": message.public_key.hex(), "signer": signer,
            "addresses": [str(multiaddr.Multiaddr(bytes(a))) for a in message.listen_addrs]}

    async def do_push(self, peer, protocol):
        """Serves one more protocol and tells the peer so."""
        self.host.set_stream_handler(TProtocol(protocol), self.echo_back)
        return await push_identify_to_peer(self.host, ID.from_string(peer))

    async def do_known_protocols(self, peer):
        return list(self.host.get_peerstore().get_protocols(ID.from_string(peer)))

    # -- Kademlia

    async def do_kademlia_add(self, address):
        info = info_from_p2p_addr(multiaddr.Multiaddr(address))
        await self.host.connect(info)
        return await self.dht.routing_table.add_peer(info)

    async def do_provide(self, key):
        return await self.dht.provide(key)

    async def do_find_providers(self, key):
        return [str(info.peer_id) for info in await self.dht.find_providers(key)]

    async def do_find_peer(self, peer):
        info = await self.dht.find_peer(ID.from_string(peer))
        return None if info is None else [str(a) for a in info.addrs]

    # Its own put_value and get_value take keys that are text, and a peer id is none.

    async def do_hold(self, key, value):
        self.dht.value_store.put(bytes.fromhex(key), bytes.fromhex(value))

    async def do_put_at(self, peer, key, value):
        return await self.dht.value_store._store_at_peer(
            ID.from_string(peer), bytes.fromhex(key), bytes.fromhex(value))

    async def do_get_from(self, peer, key):
        value = await self.dht.value_store._get_from_peer(
            ID.from_string(peer), bytes.fromhex(key))
        return None if value is None else value.hex()

    # -- gossipsub

    async def do_subscribe(self, topic):
        subscription = await self.pubsub.subscribe(topic)
        self.nursery.start_soon(self.collect, subscription)

    async def collect(self, subscription):
        while True:
            message = await subscription.get()
            self.received.append({"author": str(ID(message.from_id)), "data": message.data.hex()})

    async def do_received(self):
        return self.received

    async def do_publish(self, topic, data):
        await self.pubsub.publish(topic, bytes.fromhex(data))

    async def do_listeners(self, topic):
        return [str(peer) for peer in self.pubsub.peer_topics.get(topic, [])]

    async def do_meshsub(self, peer):
        return str(self.router.peer_protocol.get(ID.from_string(peer)))

    # -- bitswap

    async def do_add_file(self, path, chunk):
        """Adds a file; its blocks have at most 512 KiB, or it would not read them itself."""
        with open(path, "rb") as file:
            return (await self.dag.add_bytes(file.read(), chunk_size=chunk)).hex()

    async def do_fetch_file(self, cid, peer, path):
        content, _ = await self.dag.fetch_file(cid, ID.from_string(peer), timeout=15)
        with open(path, "wb") as file:
            file.write(content)
        return len(content)

    # -- relays, AutoNAT, DCUtR

    async def do_reserve(self, address):
        info = info_from_p2p_addr(multiaddr.Multiaddr(address))
        await self.host.connect(info)
        stream = await self.host.new_stream(info.peer_id, [HOP])
        return await self.circuits.reserve(stream, info.peer_id, self.nursery)

    async def do_dial_circuit(self, address):
        await self.circuits.dial(multiaddr.Multiaddr(address))

    async def do_dial_back(self, peer):
        status, _ = await self.autonat.query_server(ID.from_string(peer))
        return status

    async def do_punch(self, peer):
        return await self.puncher.initiate_hole_punch(ID.from_string(peer))


if __name__ == "__main__":
    trio_control.run(Peer)
