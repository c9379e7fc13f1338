"""GELU in GPT-2's tanh form. Derivation: gelu.md."""

import math
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from .arguments import check_floats

SLOPE = math.sqrt(2 / math.pi)  # s
CUBIC = 0.044715                # a
FLAT = 10                       # beyond it the gate is 0 or 1 but for 1e-37


class Cache(NamedTuple):
    x: Array  # (...)
    e: Array  # (...)


def forward(x):
    """Return x/2 (1 + tanh(s (x + a x^3))), element by element: (...) -> (...).

    Source: Hendrycks, Gimpel, "Gaussian Error Linear Units" (2016), section 2.
    """
    check_floats(x=(x, "..."))
    near = np.clip(x, -FLAT, FLAT)                           # (...)  or x^3 would overflow
    u = SLOPE * (near + CUBIC * (near * near * near))        # (...)  GELU-1
    e = np.exp(-2 * u)                                       # (...)  GELU-2
    return np.maximum(x, -FLAT) / (1 + e), Cache(x, e)       # (...)  GELU-3


def backward(dy, cache):
    """Return dx: (...) -> (...)."""
    x, e = cache
    gate = 1 / (1 + e)                                       # (...)  not kept: one division
    near = np.clip(x, -FLAT, FLAT)                           # (...)
    du = SLOPE * (1 + 3 * CUBIC * (near * near)) * (x == near)   # (...)  GELU-4
    dgate = 2 * (e * gate) * gate * du                       # (...)  GELU-5
    return dy * (gate + x * dgate)                           # (...)  GELU-6
