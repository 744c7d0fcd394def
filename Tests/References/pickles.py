"""Writes Tests/Vectors/pickles.json: files that carry pickles, made by CPython and NumPy.

Run with Python 3.11 and NumPy 2: python3 Tests/References/pickles.py > Tests/Vectors/pickles.json
Nothing here is ever loaded; `Call` names what a loader would run.
"""

import collections
import io
import json
import pickle
import zipfile

import numpy


class Call:
    """Unpickled, this runs os.system("id")."""

    def __reduce__(self):
        import os

        return os.system, ("id",)


def npy(array):
    out = io.BytesIO()
    numpy.save(out, array, allow_pickle=True)
    return out.getvalue()


def npz(save, **arrays):
    out = io.BytesIO()
    save(out, **arrays)
    return out.getvalue()


def archive(files, method=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as target:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = method
            target.writestr(entry, content)
    return out.getvalue()


cases = {}
for protocol in range(6):
    cases[f"call-{protocol}"] = pickle.dumps(Call(), protocol)
    cases[f"ordered-{protocol}"] = pickle.dumps(
        collections.OrderedDict([("a", 1), ("b", [1.5, None, "x" * 300])]), protocol
    )
    cases[f"plain-{protocol}"] = pickle.dumps({"a": [1, 2, 3], "b": (True, b"xyz")}, protocol)
# A name through the memo, and a name that looks like another one that was popped.
cases["memo-4"] = pickle.dumps([Call(), Call(), "system", "posix"], 4)
cases["popped-4"] = (
    b"\x80\x04\x8c\x05posix\x8c\x06system\x8c\x0bcollections\x8c\x0bOrderedDict00\x93"
    b"\x8c\x02id\x85R."
)
cases["two-2"] = pickle.dumps(1, 2) + pickle.dumps(Call(), 2)
cases["torch"] = archive(
    {"archive/data.pkl": pickle.dumps(Call(), 2), "archive/version": b"3\n"}
)
cases["torch-deflated"] = archive(
    {"archive/data.pkl": pickle.dumps(Call(), 2)}, zipfile.ZIP_DEFLATED
)
cases["zip"] = archive({"readme.txt": b"hello", "folder/": b""})
cases["npy"] = npy(numpy.arange(6, dtype=numpy.float32).reshape(2, 3))
cases["npy-objects"] = npy(numpy.array([Call()], dtype=object))
cases["npz"] = npz(numpy.savez, a=numpy.arange(3), b=numpy.arange(4.0))
cases["npz-objects"] = npz(
    numpy.savez, a=numpy.arange(3), b=numpy.array([Call()], dtype=object)
)
cases["npz-deflated"] = npz(numpy.savez_compressed, a=numpy.arange(3))
print(json.dumps({name: content.hex() for name, content in cases.items()}, indent=0))
