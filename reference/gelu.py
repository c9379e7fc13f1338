"""GELU in GPT-2's tanh form. Derivation: gelu.md."""

import math
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from .tools.arguments import check_cotangent, check_floats
from .tools.elementwise import elementwise

SLOPE = 2 * math.sqrt(2 / math.pi)  # 2s
CUBIC = SLOPE * 0.044715            # 2sa
FLAT = 10.05                        # beyond it the gate is 0 or 1 but for 4e-39


class Cache(NamedTuple):
    near: Array  # (...)
    e: Array     # (...)


@elementwise
def forward(x):
    """Return x/2 (1 + tanh(s (x + a x^3))), element by element: (...) -> (...).

    Source: Hendrycks, Gimpel, "Gaussian Error Linear Units" (2016), section 2.
    """
    check_floats(x=(x, "..."))
    near = x.clip(-FLAT, FLAT)                               # (...)  or x^3 would overflow
    w = near * (SLOPE + CUBIC * (near * near))               # (...)  GELU-1
    e = np.exp(-w)                                           # (...)  GELU-2
    return np.maximum(x, near) / (1 + e), Cache(near, e)     # (...)  GELU-3


@elementwise
def backward(dy, cache):
    """Return dx: (...) -> (...)."""
    near, e = cache
    check_cotangent("dy", dy, near.shape, near.dtype)
    gate = 1 / (1 + e)                                       # (...)  not kept: two operations
    slope_w = SLOPE + 3 * CUBIC * (near * near)              # (...)  GELU-4
    slope_gate = e * gate * gate * slope_w                   # (...)  GELU-5
    return dy * (gate + near * slope_gate)                   # (...)  GELU-6
