"""RMS normalization over the last axis. Derivation: rms_norm.md."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from .tools.arguments import check_cotangent, check_finite, check_floats
from .tools.sums import row_dot, sum_over_rows


class Params(NamedTuple):
    weight: Array  # gamma (C,)


class Cache(NamedTuple):
    xhat: Array    # (..., C)
    rrms: Array    # (..., 1)
    weight: Array  # (C,)


@np.errstate(all="ignore")  # rrms shows whatever went wrong, and is checked
def forward(x, p, *, eps=1e-5):
    """Return gamma * x / sqrt(mean(x^2) + eps): (..., C) -> (..., C).

    Raises FloatingPointError where a row of x holds a NaN or an infinity, where its square
    overflows (from about 1e19 in float32), or where it is 0 throughout and eps is 0.
    Source: Zhang, Sennrich, "Root Mean Square Layer Normalization" (2019).
    """
    check_floats(x=(x, "...C"), weight=(p.weight, "C"))
    square = row_dot(x, x) / x.shape[-1]                                   # (..., 1)
    rrms = 1 / np.sqrt(square + eps)                                       # (..., 1)  RMS-1
    check_finite("1 / sqrt(mean square + eps) of a row in rms_norm", rrms, above=0)
    xhat = x * rrms                                                        # (..., C)  RMS-2
    y = xhat * p.weight                                                    # (..., C)  RMS-3
    return y, Cache(xhat, rrms, p.weight)


def backward(dy, cache):
    """Return dx and the gradient of the parameter: (..., C) -> (..., C), Params."""
    xhat, rrms, weight = cache
    check_cotangent("dy", dy, xhat.shape, xhat.dtype)
    dweight = sum_over_rows(dy * xhat)                                     # (C,)      RMS-4
    dxhat = dy * weight                                                    # (..., C)  RMS-5
    dx = rrms * (dxhat - xhat * (row_dot(dxhat, xhat) / xhat.shape[-1]))   # (..., C)  RMS-6
    return dx, Params(dweight)
