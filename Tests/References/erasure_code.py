"""Writes erasure_code.json: parity of seeded blocks, computed in pure Python from the field and the matrix
of docs/specs/backup.md alone (python3 erasure_code.py). ErasureCodeTests computes the same.
"""
import json
import os

# GF(2^8) by x^8 + x^4 + x^3 + x^2 + 1.
EXP, LOG = [0] * 510, [0] * 256
value = 1
for power in range(255):
    EXP[power] = EXP[power + 255] = value
    LOG[value] = power
    value <<= 1
    if value & 0x100:
        value ^= 0x11d


def times(a, b):
    return EXP[LOG[a] + LOG[b]] if a and b else 0


def inverse(a):
    return EXP[255 - LOG[a]]


def block(seed, length):
    """Bytes of a linear congruential generator, its high bits."""
    out, state = bytearray(), seed
    for _ in range(length):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        out.append(state >> 56)
    return bytes(out)


def parity(blocks, data_count, parity_count):
    length = max(map(len, blocks))
    rows = []
    for row in range(data_count, data_count + parity_count):
        out = bytearray(length)
        for column, content in enumerate(blocks):
            factor = inverse(row ^ column)
            for position, byte in enumerate(content):
                out[position] ^= times(factor, byte)
        rows.append(out.hex())
    return rows


cases = []
for data_count, parity_count, lengths in [
        (1, 1, [5]), (2, 1, [64, 64]), (4, 2, [100, 7, 0, 64]), (10, 4, [70] * 10),
        (10, 4, [33, 32, 31]), (32, 16, [40] * 32)]:
    blocks = [block(seed + 1, length) for seed, length in enumerate(lengths)]
    cases.append({"data": data_count, "parity": parity_count, "blocks": [b.hex() for b in blocks],
                  "result": parity(blocks, data_count, parity_count)})
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "erasure_code.json"), "w") as out:
    json.dump(cases, out, indent=0)
    out.write("\n")
