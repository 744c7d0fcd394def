"""Two go-libp2p daemons: a bulk stream from one to the other, and pings between them.

Streams of p2pd pass through a Unix socket on each side; `hop` is the same echo over two such
sockets alone, so `ping - hop` is what the two daemons take between them.

Usage: go_pair.py CONTROL_A CONTROL_B ADDRESS_B MEGABYTES  ->  three lines of figures
"""
import os
import socket
import sys
import tempfile
import threading
import time

CHUNK = b"\x5a" * 65536
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def connect(path):
    control = socket.socket(socket.AF_UNIX)
    control.connect(path)
    return control


def exact(stream, count):
    data = b""
    while len(data) < count:
        piece = stream.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def message(stream):
    length = shift = 0
    while True:
        byte = exact(stream, 1)[0]
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return exact(stream, length)


def ask(stream, request):
    stream.sendall(varint(len(request)) + request)
    answer = message(stream)
    if answer[:2] != b"\x08\x00":
        raise RuntimeError(answer)


def identity(text):
    number = 0
    for character in text:
        number = number * 58 + BASE58.index(character)
    return b"\0" * (len(text) - len(text.lstrip("1"))) + number.to_bytes(
        (number.bit_length() + 7) // 8, "big")


def multiaddr(text):
    _, _, host, _, port = text.split("/")[:5]
    return bytes([4]) + socket.inet_aton(host) + bytes([6]) + int(port).to_bytes(2, "big")


def open_stream(path, peer, protocol):
    stream = connect(path)
    ask(stream, field(1, 2) + field(3, field(1, peer) + field(2, protocol)))
    return stream


def sink(listener, total, done):
    stream, _ = listener.accept()
    message(stream)  # who opened the stream
    left = total
    buffer = bytearray(1 << 20)
    while left > 0:
        count = stream.recv_into(buffer)
        if count == 0:
            break
        left -= count
    done.append(time.perf_counter())


def bulk(a, b, peer, megabytes):
    total = megabytes * 1000000
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "sink")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1)
        # A daemon takes one handler for a protocol; each round has its own.
        protocol = b"/bench/sink/%d" % os.getpid()
        address = bytes([0x90, 0x03]) + varint(len(path)) + path.encode()
        ask(connect(b), field(1, 3) + field(4, field(1, address) + field(2, protocol) + field(3, 0)))
        done = []
        reader = threading.Thread(target=sink, args=(listener, total, done))
        reader.start()
        stream = open_stream(a, peer, protocol)
        start = time.perf_counter()
        left = total
        while left > 0:
            left -= stream.send(CHUNK[: min(left, len(CHUNK))])
        reader.join()
        return megabytes / (done[0] - start)


def echo_median(stream, count):
    times = []
    for _ in range(count):
        payload = os.urandom(32)
        start = time.perf_counter()
        stream.sendall(payload)
        if exact(stream, 32) != payload:
            raise RuntimeError("another echo")
        times.append(time.perf_counter() - start)
    return sorted(times)[count // 2] * 1e6


def hop_median(count):
    """Two sockets in a row with a thread between them and one at the end, as the daemons have."""
    near, middle = socket.socketpair(socket.AF_UNIX)

    def echo():
        while data := middle.recv(4096):
            middle.sendall(data)

    threading.Thread(target=echo, daemon=True).start()
    return echo_median(near, count)


def main():
    a, b, address, megabytes = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    peer = identity(address.rsplit("/", 1)[1])
    ask(connect(a), field(1, 1) + field(2, field(1, peer) + field(2, multiaddr(address))))
    print(f"{bulk(a, b, peer, megabytes):.1f}")
    print(f"{echo_median(open_stream(a, peer, b'/ipfs/ping/1.0.0'), 2000):.1f}")
    print(f"{hop_median(2000):.1f}")
    # The echo thread of the hop ends with the process.
    os._exit(0)


main()
