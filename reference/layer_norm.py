"""Layer normalization over the last axis. Derivation: layer_norm.md."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from .tools.arguments import check_cotangent, check_finite, check_floats
from .tools.sums import row_dot, row_mean, sum_over_rows


class Params(NamedTuple):
    weight: Array  # gamma (C,)
    bias: Array    # beta (C,)


class Cache(NamedTuple):
    xhat: Array    # (..., C)
    rstd: Array    # (..., 1)
    weight: Array  # (C,)


@np.errstate(all="ignore")  # rstd shows whatever went wrong, and is checked
def forward(x, p, *, eps=1e-5):
    """Return gamma * (x - mean) / sqrt(variance + eps) + beta: (..., C) -> (..., C).

    Raises FloatingPointError where a row of x holds a NaN or an infinity, where its square
    overflows (from about 1e19 in float32), or where it is constant and eps is 0.
    Source: Ba, Kiros, Hinton, "Layer Normalization" (2016), equation 4.
    """
    check_floats(x=(x, "...C"), weight=(p.weight, "C"), bias=(p.bias, "C"))
    xc = x - row_mean(x)                                             # (..., C)  LN-1
    xc -= row_mean(xc)                                               # (..., C)  its rounding, too
    variance = row_dot(xc, xc) / x.shape[-1]                         # (..., 1)
    rstd = 1 / np.sqrt(variance + eps)                               # (..., 1)  LN-2
    check_finite("1 / sqrt(variance + eps) of a row in layer_norm", rstd, above=0)
    xhat = xc * rstd                                                 # (..., C)  LN-3
    y = xhat * p.weight + p.bias                                     # (..., C)  LN-4
    return y, Cache(xhat, rstd, p.weight)


def backward(dy, cache):
    """Return dx and the gradients of the parameters: (..., C) -> (..., C), Params."""
    xhat, rstd, weight = cache
    check_cotangent("dy", dy, xhat.shape, xhat.dtype)
    dweight = sum_over_rows(dy * xhat)                               # (C,)      LN-5
    dbias = sum_over_rows(dy)                                        # (C,)      LN-6
    dxhat = dy * weight                                              # (..., C)  LN-7
    dx = rstd * (
        dxhat - row_mean(dxhat)
        - xhat * (row_dot(dxhat, xhat) / xhat.shape[-1]))            # (..., C)  LN-8
    return dx, Params(dweight, dbias)
