"""LoRA: a frozen weight, and a small learned product beside it. Derivation: lora.md."""

from typing import NamedTuple

from numpy import ndarray as Array

from ..tools.arguments import check_cotangent, check_floats, check_positive


class Params(NamedTuple):  # an adapter
    a: Array  # (R, I)
    b: Array  # (O, R)


class Cache(NamedTuple):
    x: Array       # (..., I)
    h: Array       # (N, R)
    weight: Array  # (O, I)
    p: Params
    scale: float


def forward(x, p, *, weight, scale):
    """Return x W^T + scale (x A^T) B^T, W being constant: (..., I) -> (..., O).

    Raises ValueError for a scale that isn't above 0.
    Source: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021), equation 3.
    """
    check_floats(x=(x, "...I"), weight=(weight, "OI"), a=(p.a, "RI"), b=(p.b, "OR"))
    check_positive("scale", scale)
    x_rows = x.reshape(-1, x.shape[-1])                   # (N, I)
    h = x_rows @ p.a.T                                    # (N, R)  LORA-1
    y_rows = x_rows @ weight.T + scale * (h @ p.b.T)      # (N, O)  LORA-2
    return y_rows.reshape(*x.shape[:-1], len(weight)), Cache(x, h, weight, p, scale)


def backward(dy, cache):
    """Return dx and the adapter's gradients: (..., O) -> (..., I), Params."""
    x, h, weight, p, scale = cache
    check_cotangent("dy", dy, (*x.shape[:-1], len(weight)), x.dtype)
    x_rows = x.reshape(-1, x.shape[-1])                   # (N, I)
    dy_rows = dy.reshape(-1, dy.shape[-1])                # (N, O)
    dh = scale * (dy_rows @ p.b)                          # (N, R)  LORA-3
    dx_rows = dy_rows @ weight + dh @ p.a                 # (N, I)  LORA-4
    da = dh.T @ x_rows                                    # (R, I)  LORA-5
    db = scale * (dy_rows.T @ h)                          # (O, R)  LORA-6
    return dx_rows.reshape(x.shape), Params(da, db)
