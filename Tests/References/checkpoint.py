"""Writes checkpoint.safetensors from the definition in Checkpoint.swift, with the standard library alone.

A perceptron of 2 inputs and 3 outputs, one optimizer slot, step 41: CheckpointTests read it.
"""
import hashlib
import json
import os
import struct

tensors = [("layers.0.kernel", [2, 3]), ("layers.0.bias", [3]),
           ("optimizer.0.layers.0.kernel", [2, 3]), ("optimizer.0.layers.0.bias", [3])]
header = {"__metadata__": {
    "sha256": "0" * 64, "format": "martlet-checkpoint-1", "step": "41", "random_blocks": "9",
    "epoch": "3", "position": "16", "configuration": '{"seed":7}'}}
data = b""
number = 0
for name, shape in tensors:
    count = shape[0] * (shape[1] if len(shape) > 1 else 1)
    values = struct.pack(f"<{count}f", *[(number + i) / 4 for i in range(count)])
    number += count
    header[name] = {"dtype": "F32", "shape": shape,
                    "data_offsets": [len(data), len(data) + len(values)]}
    data += values
text = json.dumps(header, separators=(",", ":")).encode()
text += b" " * (-len(text) % 8)
file = struct.pack("<Q", len(text)) + text + data
file = file.replace(b"0" * 64, hashlib.sha256(file).hexdigest().encode(), 1)
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "checkpoint.safetensors")
with open(path, "wb") as output:
    output.write(file)
