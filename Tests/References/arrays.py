"""Writes the array files of Tests/References/arrays with NumPy 2.4.6 (python3 arrays.py).

Every file holds the same numbers, so that each reader's result can be compared with one list:
row i, column j of [3, 4] is i * 4 + j - 2 for signed and floating types, i * 4 + j for unsigned ones.
"""
import os
import struct

import numpy as np
from numpy.lib import format as npy

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "arrays")
os.makedirs(folder, exist_ok=True)
grid = np.arange(12).reshape(3, 4)


def path(name):
    return os.path.join(folder, name)


for name in ("<f4", "<f8", ">f4", ">f8", "<i4", "<i8", ">i2", "|i1"):
    np.save(path(f"signed_{name[1:]}{'_big' if name[0] == '>' else ''}.npy"), (grid - 2).astype(name))
for name in ("|u1", "<u2"):
    np.save(path(f"unsigned_{name[1:]}.npy"), grid.astype(name))
np.save(path("bool.npy"), grid % 2 == 1)
np.save(path("fortran.npy"), np.asfortranarray((grid - 2).astype("<f4")))
np.save(path("fortran_cube.npy"), np.asfortranarray(np.arange(24, dtype="<f4").reshape(2, 3, 4)))
for version in ((2, 0), (3, 0)):
    with open(path(f"version_{version[0]}.npy"), "wb") as file:
        npy.write_array(file, (grid - 2).astype("<f4"), version=version)

images = (np.arange(3 * 2 * 2) * 20).astype(np.uint8).reshape(3, 2, 2)
labels = np.array([2, 0, 1], dtype=np.int64)
np.savez(path("stored.npz"), x=images, y=labels)
np.savez_compressed(path("deflated.npz"), x=images, y=labels)
with open(path("images.idx"), "wb") as file:
    file.write(struct.pack(">HBBIII", 0, 8, 3, 3, 2, 2) + images.tobytes())
with open(path("labels.idx"), "wb") as file:
    file.write(struct.pack(">HBBI", 0, 8, 1, 3) + labels.astype(np.uint8).tobytes())
with open(path("doubles.idx"), "wb") as file:
    file.write(struct.pack(">HBBII", 0, 14, 2, 3, 4) + (grid - 2).astype(">f8").tobytes())
