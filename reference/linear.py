"""Linear layer: y = x W^T + b over the last axis. Derivation: linear.md."""

from typing import NamedTuple

from numpy import ndarray as Array

from .tools.arguments import check_cotangent, check_floats
from .tools.sums import sum_over_rows


class Params(NamedTuple):
    weight: Array  # (O, I)
    bias: Array    # (O,)


class Weight(NamedTuple):  # of a linear layer without a bias: llama's layers have none
    weight: Array  # (O, I)


class Cache(NamedTuple):
    x: Array       # (..., I)
    weight: Array  # (O, I)


def forward(x, p):
    """Return x W^T + b and the cache: (..., I) -> (..., O)."""
    check_floats(x=(x, "...I"), weight=(p.weight, "OI"), bias=(p.bias, "O"))
    x_rows = x.reshape(-1, x.shape[-1])       # (N, I)
    y_rows = x_rows @ p.weight.T + p.bias     # (N, O)    LIN-1
    return y_rows.reshape(*x.shape[:-1], -1), Cache(x, p.weight)


def backward(dy, cache):
    """Return dx and the gradients of the parameters: (..., O) -> (..., I), Params."""
    x, weight = cache
    check_cotangent("dy", dy, (*x.shape[:-1], len(weight)), x.dtype)
    dy_rows = dy.reshape(-1, dy.shape[-1])    # (N, O)
    dx_rows = dy_rows @ weight                # (N, I)    LIN-2
    x_rows = x.reshape(-1, x.shape[-1])       # (N, I)
    dweight = dy_rows.T @ x_rows              # (O, I)    LIN-3
    dbias = sum_over_rows(dy_rows)            # (O,)      LIN-4
    return dx_rows.reshape(x.shape), Params(dweight, dbias)
