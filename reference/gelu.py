"""GELU in GPT-2's tanh form. Derivation: gelu.md."""

import math
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from .arguments import check_floats

SLOPE = math.sqrt(2 / math.pi)  # s
CUBIC = 0.044715                # a
FLAT = 12                       # beyond it the gate is 0 or 1 but for 1e-61


class Cache(NamedTuple):
    near: Array  # (...)
    e: Array     # (...)


@np.errstate(over="ignore")  # an exponential that overflows closes the gate, and rightly
def forward(x):
    """Return x/2 (1 + tanh(s (x + a x^3))), element by element: (...) -> (...).

    Source: Hendrycks, Gimpel, "Gaussian Error Linear Units" (2016), section 2.
    """
    check_floats(x=(x, "..."))
    near = np.clip(x, -FLAT, FLAT)                           # (...)  or x^3 would overflow
    u = SLOPE * (1 + CUBIC * (near * near)) * near           # (...)  GELU-1
    u *= -2
    e = np.exp(u, out=u)                                     # (...)  GELU-2
    return np.maximum(x, near) / (1 + e), Cache(near, e)     # (...)  GELU-3


@np.errstate(divide="ignore")  # 1 / e is rightly infinite where the gate is open
def backward(dy, cache):
    """Return dx: (...) -> (...)."""
    near, e = cache
    gate = 1 / (1 + e)                                       # (...)  not kept: one division
    rest = 1 / (1 + 1 / e)                                   # (...)  1 - gate
    du = SLOPE * (1 + 3 * CUBIC * (near * near))             # (...)  GELU-4
    dgate = 2 * rest * gate * du                             # (...)  GELU-5
    return dy * (gate + near * dgate)                          # (...)  GELU-6
