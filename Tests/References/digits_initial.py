"""Writes the initial weights of the digits curve: SplitMix64 seed 42, Box-Muller, He scaling.

usage: python3 digits_initial.py OUT.f32   (float32 little-endian: W1 [64,128], b1, W2 [128,10], b2)
"""
import math
import sys

import numpy as np

MASK = (1 << 64) - 1


class SplitMix64:
    def __init__(self, seed):
        self.state = seed & MASK

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def uniform(self):
        return (self.next() >> 11) * (1.0 / (1 << 53))

    def gauss(self):
        u = max(self.uniform(), 1e-300)
        v = self.uniform()
        return math.sqrt(-2 * math.log(u)) * math.cos(2 * math.pi * v)


random = SplitMix64(42)
hidden = 128
w1 = np.array([random.gauss() for _ in range(64 * hidden)]).reshape(64, hidden) * np.sqrt(2 / 64)
w2 = np.array([random.gauss() for _ in range(hidden * 10)]).reshape(hidden, 10) * np.sqrt(2 / hidden)
parts = [w1, np.zeros(hidden), w2, np.zeros(10)]
np.concatenate([p.ravel() for p in parts]).astype("<f4").tofile(sys.argv[1])
