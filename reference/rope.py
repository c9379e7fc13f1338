"""Rotary positions: pairs of channels, turned by angles that grow with the position.

Derivation: rope.md.
"""

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from .tools.arguments import check_cotangent, check_floats


class Cache(NamedTuple):
    cos: Array    # (T, D / 2)
    sin: Array    # (T, D / 2)
    shape: tuple  # of the output


def forward(x, *, base=10000.0, start=0):
    """Return x with channels i and i + D / 2 turned together: (..., T, D) -> (..., T, D).

    The angle is t base^(-2 i / D), where t counts the positions from start.
    Raises ValueError for an odd D.
    Source: Su et al., "RoFormer" (2021), equation 34; which channels make a pair differs.
    """
    check_floats(x=(x, "...TD"))
    T, D = x.shape[-2:]
    cos, sin = turns(T, D, base, start, x.dtype)                       # (T, D / 2)
    a, b = np.split(x, 2, axis=-1)                                     # (..., T, D / 2)
    y = np.concatenate((a * cos - b * sin, a * sin + b * cos), -1)     # (..., T, D)  ROPE-2
    return y, Cache(cos, sin, x.shape)


def backward(dy, cache):
    """Return dx: (..., T, D) -> (..., T, D)."""
    cos, sin, shape = cache
    check_cotangent("dy", dy, shape, cos.dtype)
    da, db = np.split(dy, 2, axis=-1)                                  # (..., T, D / 2)
    return np.concatenate((da * cos + db * sin, db * cos - da * sin), -1)  # (..., T, D)  ROPE-3


def turns(T, D, base, start, dtype):
    """Return the cosine and the sine of every angle, computed in float64: (T, D / 2) each."""
    if D % 2:
        raise ValueError(f"x has D = {D} channels a head; allowed: an even number")
    positions = start + np.arange(T)[:, None]                          # (T, 1)
    angles = positions * base ** (-np.arange(0, D, 2) / D)             # (T, D / 2)   ROPE-1
    return np.cos(angles).astype(dtype), np.sin(angles).astype(dtype)
