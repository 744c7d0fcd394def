"""Writes synthetic_devices.json: devices of FedProx's synthetic(α, β) data, by the definition alone.

Philox4x32-10 (Salmon et al. 2011), Marsaglia's polar method and the generator are written here from the
papers with Python 3.11's own mathematics; SyntheticDevicesTests compare with it.
"""
import json
import math
import os


def philox(key, low, high):
    c = [low & 0xFFFFFFFF, low >> 32, high & 0xFFFFFFFF, high >> 32]
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k0, p1 & 0xFFFFFFFF, (p0 >> 32) ^ c[3] ^ k1, p0 & 0xFFFFFFFF]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c


def normals(seed, index, domain=11):
    def uniforms():
        block = 0
        while True:
            for word in philox(seed, block, index | (domain << 28) << 32):
                yield (word + 0.5) / 2**31 - 1
            block += 1
    source = uniforms()
    while True:
        u, v = next(source), next(source)
        s = u * u + v * v
        if s < 1:
            factor = math.sqrt(-2 * math.log(s) / s)
            yield u * factor
            yield v * factor


def device(alpha, beta, seed, number, identical=False, most=1000):
    z = normals(seed, number)
    samples = min(int(math.exp(4 + 2 * next(z))) + 50, most)
    model = normals(seed, 2**32 - 1) if identical else z
    u = 0 if identical else math.sqrt(alpha) * next(model)
    w = [[u + next(model) for _ in range(10)] for _ in range(60)]
    b = [u + next(model) for _ in range(10)]
    mean = 0 if identical else math.sqrt(beta) * next(z)
    v = [0.0 if identical else mean + next(z) for _ in range(60)]
    rows, labels = [], []
    for _ in range(samples):
        x = [v[j] + math.sqrt((j + 1) ** -1.2) * next(z) for j in range(60)]
        scores = [b[c] + sum(x[j] * w[j][c] for j in range(60)) for c in range(10)]
        rows.append(x)
        labels.append(scores.index(max(scores)))
    return {"alpha": alpha, "beta": beta, "identical": identical, "number": number,
            "samples": samples, "first": rows[0], "last": rows[-1], "labels": labels,
            "weight": w[59][9], "bias": b[9], "mean": v[59]}


path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "synthetic_devices.json")
with open(path, "w") as file:
    json.dump([device(0, 0, 5, 0), device(0.5, 0.5, 5, 1), device(1, 1, 5, 2),
               device(0, 0, 5, 3, identical=True)], file)
    file.write("\n")
