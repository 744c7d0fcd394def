"""How a test drives a foreign peer: lines of JSON over a Unix socket.

A request is `{"do": NAME, …}`, and its other members are the arguments of the command. The answer
is one line: `{"ok": RESULT}`, or `{"error": TEXT}`. Commands of different connections run side by
side.
"""

import json

# A line longer than this is none of ours.
LINE_BYTES_MAX = 1 << 20


def run_request(line):
    """The name and the arguments of a request."""
    request = json.loads(line)
    return request.pop("do"), request


def answer(result):
    return (json.dumps({"ok": result}) + "\n").encode()


def failure(error):
    return (json.dumps({"error": f"{type(error).__name__}: {error}"}) + "\n").encode()
