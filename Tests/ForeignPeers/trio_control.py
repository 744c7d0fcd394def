"""The control socket (see control.py) of a foreign peer that runs in trio: a command NAME is its
method `do_NAME`."""

import functools
import json
import logging
import sys

import trio
from control import LINE_BYTES_MAX, answer, failure, run_request

# A foreign peer that has not answered for so long never will.
SECONDS_MAX = 20


def run(make_peer):
    """A program SOCKET OPTIONS: its peer is made of the options, and its `run` gets the path."""
    logging.basicConfig(level=logging.WARNING)
    peer = make_peer(json.loads(sys.argv[2]))
    trio.run(peer.run, sys.argv[1])


async def serve(peer, path):
    """Does what others ask for, until it is cancelled."""
    listener = trio.socket.socket(trio.socket.AF_UNIX)
    await listener.bind(path)
    listener.listen(16)
    await trio.serve_listeners(
        functools.partial(_serve_connection, peer), [trio.SocketListener(listener)])


async def _serve_connection(peer, connection):
    buffer = b""
    while data := await connection.receive_some(1 << 16):
        buffer += data
        while b"\n" in buffer:
            line, buffer = buffer.split(b"\n", 1)
            await connection.send_all(await _obey(peer, line))
        if len(buffer) > LINE_BYTES_MAX:
            return


async def _obey(peer, line):
    try:
        name, arguments = run_request(line)
        with trio.fail_after(SECONDS_MAX):
            return answer(await getattr(peer, f"do_{name}")(**arguments))
    except Exception as error:
        return failure(error)
