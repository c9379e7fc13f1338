"""The MLP of a block: widen, GELU, narrow, dropout. Derivation: mlp.md."""

from typing import NamedTuple

from numpy import ndarray as Array

from . import dropout, gelu, linear


class Params(NamedTuple):
    up: linear.Params    # weight (4C, C), bias (4C,)
    down: linear.Params  # weight (C, 4C), bias (C,)


class Cache(NamedTuple):
    up: linear.Cache
    gelu: gelu.Cache
    down: linear.Cache
    drop: dropout.Cache | None


def forward(x, p, *, keep: Array | None = None, rate=0.0):
    """Return down(gelu(up(x))), dropped out by keep if given: (B, T, C) -> (B, T, C)."""
    h, up = linear.forward(x, p.up)                          # (B, T, 4C)  MLP-1
    a, act = gelu.forward(h)                                 # (B, T, 4C)  MLP-2
    y, down = linear.forward(a, p.down)                      # (B, T, C)   MLP-3
    drop = None
    if keep is not None:
        y, drop = dropout.forward(y, keep, rate=rate)        # (B, T, C)   MLP-4
    return y, Cache(up, act, down, drop)


def backward(dy, cache):
    """Return dx and the gradients of the parameters: (B, T, C) -> (B, T, C), Params."""
    if cache.drop is not None:
        dy = dropout.backward(dy, cache.drop)                # (B, T, C)   MLP-5
    da, ddown = linear.backward(dy, cache.down)              # (B, T, 4C)  MLP-6
    dh = gelu.backward(da, cache.gelu)                       # (B, T, 4C)  MLP-7
    dx, dup = linear.backward(dh, cache.up)                  # (B, T, C)   MLP-8
    return dx, Params(dup, ddown)
