"""GELU in GPT-2's tanh form. Derivation: gelu.md."""

import math
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from .arguments import check_floats

SLOPE = math.sqrt(2 / math.pi)  # s
CUBIC = 0.044715                # a


class Cache(NamedTuple):
    x: Array  # (...)
    t: Array  # (...)


def forward(x):
    """Return x/2 (1 + tanh(s (x + a x^3))), element by element: (...) -> (...).

    Source: Hendrycks, Gimpel, "Gaussian Error Linear Units" (2016), section 2.
    """
    check_floats(x=(x, "..."))
    t = np.tanh(SLOPE * (x + CUBIC * (x * x * x)))           # (...)  GELU-1
    return x * (1 + t) / 2, Cache(x, t)                      # (...)  GELU-2


def backward(dy, cache):
    """Return dx: (...) -> (...)."""
    x, t = cache
    dt = (1 - t * t) * SLOPE * (1 + 3 * CUBIC * (x * x))     # (...)  GELU-3
    return dy * (1 + t + x * dt) / 2                         # (...)  GELU-4
