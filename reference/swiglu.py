"""The MLP of a llama: one widened row gates another. Derivation: swiglu.md."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from . import linear
from .tools.arguments import check_cotangent, check_finite, check_floats


class Params(NamedTuple):
    gate: linear.Weight  # weight (F, C)
    up: linear.Weight    # weight (F, C)
    down: linear.Weight  # weight (C, F)


class Cache(NamedTuple):
    x: Array             # (..., C)
    g: Array             # (N, F)
    u: Array             # (N, F)
    s: Array             # (N, F)
    h: Array             # (N, F)
    p: Params


@np.errstate(over="ignore", invalid="ignore")  # y shows either, and is checked
def forward(x, p):
    """Return (silu(x Wg^T) * (x Wu^T)) Wd^T: (..., C) -> (..., C).

    Raises FloatingPointError where the product in the brackets, or y, is not finite.
    Source: Shazeer, "GLU Variants Improve Transformer" (2020).
    """
    check_floats(x=(x, "...C"), gate=(p.gate.weight, "FC"), up=(p.up.weight, "FC"),
                 down=(p.down.weight, "CF"))
    x_rows = x.reshape(-1, x.shape[-1])                      # (N, C)
    g = x_rows @ p.gate.weight.T                             # (N, F)  SG-1
    u = x_rows @ p.up.weight.T                               # (N, F)  SG-2
    s = 1 / (1 + np.exp(-g))                                 # (N, F)  SG-3
    h = g * s * u                                            # (N, F)  SG-4
    y_rows = h @ p.down.weight.T                             # (N, C)  SG-5
    check_finite("y in swiglu", y_rows)
    return y_rows.reshape(x.shape), Cache(x, g, u, s, h, p)


def backward(dy, cache):
    """Return dx and the gradients of the parameters: (..., C) -> (..., C), Params."""
    x, g, u, s, h, p = cache
    check_cotangent("dy", dy, x.shape, x.dtype)
    x_rows, dy_rows = (a.reshape(-1, a.shape[-1]) for a in (x, dy))     # (N, C)
    dh = dy_rows @ p.down.weight                             # (N, F)  SG-6
    ddown = dy_rows.T @ h                                    # (C, F)  SG-7
    du = dh * (g * s)                                        # (N, F)  SG-8
    dg = dh * u * (s * (1 + g * (1 - s)))                    # (N, F)  SG-9
    dx_rows = dg @ p.gate.weight + du @ p.up.weight          # (N, C)  SG-10
    dgate = dg.T @ x_rows                                    # (F, C)  SG-11
    dup = du.T @ x_rows                                      # (F, C)  SG-12
    return dx_rows.reshape(x.shape), Params(*map(linear.Weight, (dgate, dup, ddown)))
