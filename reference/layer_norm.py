"""Layer normalization over the last axis. Derivation: layer_norm.md."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from .arguments import check_floats


class Params(NamedTuple):
    weight: Array  # gamma (C,)
    bias: Array    # beta (C,)


class Cache(NamedTuple):
    xhat: Array    # (..., C)
    rstd: Array    # (..., 1)
    weight: Array  # (C,)


def forward(x, p, *, eps=1e-5):
    """Return gamma * (x - mean) / sqrt(variance + eps) + beta: (..., C) -> (..., C).

    Source: Ba, Kiros, Hinton, "Layer Normalization" (2016), equation 4.
    """
    check_floats(x=(x, "...C"), weight=(p.weight, "C"), bias=(p.bias, "C"))
    xc = x - x.mean(-1, keepdims=True)                               # (..., C)  LN-1
    rstd = 1 / np.sqrt((xc * xc).mean(-1, keepdims=True) + eps)      # (..., 1)  LN-2
    xhat = xc * rstd                                                 # (..., C)  LN-3
    return xhat * p.weight + p.bias, Cache(xhat, rstd, p.weight)     # (..., C)  LN-4


def backward(dy, cache):
    """Return dx and the gradients of the parameters: (..., C) -> (..., C), Params."""
    xhat, rstd, weight = cache
    lead = tuple(range(dy.ndim - 1))                                 # every axis but C
    dp = Params((dy * xhat).sum(lead), dy.sum(lead))                 # (C,) each LN-5, LN-6
    dxhat = dy * weight                                              # (..., C)  LN-7
    dx = rstd * (dxhat - dxhat.mean(-1, keepdims=True)
                 - xhat * (dxhat * xhat).mean(-1, keepdims=True))    # (..., C)  LN-8
    return dx, dp
