"""Softmax over the last axis, with an optional mask. Derivation: softmax.md."""

import functools
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from .tools.arguments import check_bools, check_cotangent, check_finite, check_floats
from .tools.sums import row_dot, row_sum


class Cache(NamedTuple):
    y: Array  # (..., S)


@functools.cache
def causal_mask(T):
    """Return the (T, T) mask that lets position i see positions 0 .. i; it is read-only."""
    mask = np.tri(T, dtype=bool)
    mask.flags.writeable = False
    return mask


@np.errstate(over="ignore")  # a difference that overflows is -inf, and its exponential rightly 0
def forward(x, *, mask=None):
    """Return exp(x) / sum(exp(x)) over the entries where mask is True: (..., S) -> (..., S).

    mask is boolean and broadcasts to x; masked entries come out as exactly 0, whatever they hold.
    Raises ValueError where a row is masked throughout: its softmax is 0/0. Raises
    FloatingPointError where a row sees a NaN or +inf, or nothing but -inf.
    """
    check_floats(x=(x, "...S"))
    if mask is not None:
        check_mask(mask, x.shape)
        x = np.where(mask, x, -np.inf)                       # (..., S)  SM-1
    top = x.real.max(-1, keepdims=True)                      # (..., 1)
    check_finite("the largest x of a row in softmax", top)
    z = x - top                                              # (..., S)  SM-2
    e = np.exp(z)                                            # (..., S)  SM-3
    y = e / row_sum(e)                                       # (..., S)  SM-4
    return y, Cache(y)


def backward(dy, cache):
    """Return dx, exactly 0 where x was masked: (..., S) -> (..., S)."""
    y, = cache
    check_cotangent("dy", dy, y.shape, y.dtype)
    return y * (dy - row_dot(dy, y))                         # (..., S)  SM-5


def check_mask(mask, shape):
    """Refuse a mask that is not boolean (TypeError), does not fit x or hides a row (ValueError)."""
    check_bools("mask", mask, "where x may be seen")
    if mask.ndim > len(shape) or any(
            m not in (1, n) for m, n in zip(mask.shape[::-1], shape[::-1])):
        raise ValueError(f"mask has shape {mask.shape}; allowed: one that broadcasts to {shape}")
    if not mask.any(-1).all():
        row = np.argwhere(~mask.any(-1))[0].tolist()
        raise ValueError(f"mask hides every entry of row {row}; allowed: one or more seen a row")
