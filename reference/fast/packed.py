"""Products with weights that stay packed: y = sum over the groups of d (q . x) + m sum(x).

A group is 32 weights d q + m of a row, which share the scale d and the least value m. The codes q
of some rows at a time become floats, and neither d nor m meets a single weight.
"""

from dataclasses import dataclass

import numpy as np
from numpy import ndarray as Array

from ..flash_attention import blocks

PIECE = 2**20  # weights whose codes are floats at one time: 4 MB


@dataclass(frozen=True, eq=False)
class Packed:
    """A weight (O, I): `weight @ x` is its product with a row (I,), weight[i] a row as floats.

    codes of type uint8 are two to a byte: of the 32 weights of a group, 0 .. 15 in the low halves
    and 16 .. 31 in the high. Others are one to a weight: int8, or float16 and the bits of
    bfloat16 as uint16, where a row is one group. The rows of a weight come last, side by side.
    """

    codes: Array         # (G, 16, O) or (G, I / G, O)
    scale: Array | None  # d (G, O); None: 1
    least: Array | None  # m (G, O); None: 0

    dtype, ndim = np.dtype(np.float32), 2  # as of the floats that it stands for

    @property
    def shape(self):
        """Return (O, I)."""
        G, size, O = self.codes.shape
        return O, G * size * (2 if self.codes.dtype == np.uint8 else 1)

    def __getitem__(self, rows):
        """Return rows: those of a slice still packed, those of an index or of some as floats."""
        part = Packed(*(a if a is None else a[..., rows]
                        for a in (self.codes, self.scale, self.least)))
        return part if isinstance(rows, slice) else part.floats()

    def __matmul__(self, x):
        """Return the product without a scaled weight: (I,) -> (O,)."""
        groups = x.reshape(len(self.codes), 1, -1)               # (G, 1, I / G)
        y = np.empty(self.shape[0], np.float32)                  # (O,)
        for rows in blocks(len(y), max(1, PIECE // len(x))):
            sums = products(groups, self.codes[..., rows])       # (G, N)   q . x
            if self.scale is not None:
                sums *= self.scale[:, rows]                      # (G, N)   d (q . x)
            y[rows] = sums.sum(0)                                # (N,)
        return y if self.least is None else y + groups.sum((1, 2)) @ self.least  # + m sum(x)

    def floats(self):
        """Return the weights as float32: (O, I)."""
        w = floats(self.codes)                                   # (G, I / G, O)
        if self.scale is not None:
            w *= self.scale[:, None]
        if self.least is not None:
            w += self.least[:, None]
        return w.reshape(-1, *w.shape[2:]).T                     # (O, I)


def as_floats(weight):
    """Return a weight as floats, which it may be already."""
    return weight if isinstance(weight, np.ndarray) else weight.floats()


def products(groups, codes):
    """Return q . x of each group in some rows: (G, 1, I / G), (G, 16 or I / G, N) -> (G, N)."""
    if codes.dtype != np.uint8:
        return (groups @ floats(codes))[:, 0]
    # a byte is b = low + 16 high, so low . u + high . v = low . (u - v / 16) + b . v / 16
    v = groups[..., 16:] / 16                                    # (G, 1, 16)
    u = groups[..., :16] - v                                     # (G, 1, 16)
    return (u @ (codes & 15).astype(np.float32) + v @ codes.astype(np.float32))[:, 0]


def floats(codes):
    """Return codes as float32, one to a weight: (G, 16, ...) or (G, n, ...) -> (G, n, ...)."""
    if codes.dtype == np.uint8:
        return np.concatenate([codes & 15, codes >> 4], 1, dtype=np.float32)
    if codes.dtype == np.uint16:  # the upper half of a float32
        return (codes.astype(np.uint32) << 16).view(np.float32)
    return codes.astype(np.float32)
