"""Multi-head causal self-attention. Derivation: attention.md."""

import math
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from . import dropout, linear, softmax
from .tools.arguments import check_floats


class Params(NamedTuple):
    qkv: linear.Params   # weight (3C, C), bias (3C,)
    proj: linear.Params  # weight (C, C), bias (C,)


class Keep(NamedTuple):
    weights: Array       # (B, H, T, T)
    output: Array        # (B, T, C)


class Cache(NamedTuple):
    qkv: linear.Cache
    q: Array             # (B, H, T, D)
    k: Array             # (B, H, T, D)
    v: Array             # (B, H, T, D)
    softmax: softmax.Cache
    weights: Array       # (B, H, T, T), after dropout
    weights_drop: dropout.Cache | None
    proj: linear.Cache
    output_drop: dropout.Cache | None


def draw_keep(rng, B, T, C, n_head, rate):
    """Return a Keep drawn from the generator, True with probability 1 - rate."""
    return Keep(dropout.draw_keep(rng, (B, n_head, T, T), rate),
                dropout.draw_keep(rng, (B, T, C), rate))


def split_heads(x, n_head):
    """Cut the channels into heads: (B, T, C) -> (B, H, T, D)."""
    B, T, C = x.shape
    return x.reshape(B, T, n_head, C // n_head).swapaxes(1, 2)


def merge_heads(x):
    """Lay the heads side by side again: (B, H, T, D) -> (B, T, C)."""
    B, H, T, D = x.shape
    return x.swapaxes(1, 2).reshape(B, T, H * D)


@np.errstate(over="ignore", invalid="ignore")  # softmax refuses the scores that show either
def forward(x, p, *, n_head, keep: Keep | None = None, rate=0.0):
    """Return softmax(q k^T / sqrt(D)) v of each head, merged and projected: (B, T, C) -> (B, T, C).

    Raises ValueError if C is not divisible by n_head, FloatingPointError where a score overflows.
    Source: Vaswani et al., "Attention Is All You Need" (2017), equation 1 and section 3.2.2.
    """
    check_floats(x=(x, "BTC"))
    T, C = x.shape[-2:]
    if C % n_head:
        raise ValueError(f"x has C = {C} channels; allowed: a multiple of n_head = {n_head}")
    weights_drop = output_drop = None
    qkv, qkv_cache = linear.forward(x, p.qkv)                            # (B, T, 3C)    ATT-1
    q, k, v = (split_heads(part, n_head)
               for part in np.split(qkv, 3, axis=-1))                    # (B, H, T, D)  ATT-2
    scores = q @ k.swapaxes(-1, -2) / math.sqrt(q.shape[-1])             # (B, H, T, T)  ATT-3
    weights, softmax_cache = softmax.forward(
        scores, mask=softmax.causal_mask(T))                             # (B, H, T, T)  ATT-4
    if keep is not None:
        weights, weights_drop = dropout.forward(
            weights, keep.weights, rate=rate)                            # (B, H, T, T)  ATT-5
    mixed = weights @ v                                                  # (B, H, T, D)  ATT-6
    y, proj_cache = linear.forward(merge_heads(mixed), p.proj)           # (B, T, C)     ATT-7
    if keep is not None:
        y, output_drop = dropout.forward(y, keep.output, rate=rate)      # (B, T, C)     ATT-8
    return y, Cache(qkv_cache, q, k, v, softmax_cache,
                    weights, weights_drop, proj_cache, output_drop)


def backward(dy, cache):
    """Return dx and the gradients of the parameters: (B, T, C) -> (B, T, C), Params."""
    q, k, v = cache.q, cache.k, cache.v
    if cache.output_drop is not None:
        dy = dropout.backward(dy, cache.output_drop)                     # (B, T, C)     ATT-9
    dmerged, dproj = linear.backward(dy, cache.proj)                     # (B, T, C)     ATT-10
    dmixed = split_heads(dmerged, q.shape[1])                            # (B, H, T, D)  ATT-11
    dweights = dmixed @ v.swapaxes(-1, -2)                               # (B, H, T, T)  ATT-12
    dv = cache.weights.swapaxes(-1, -2) @ dmixed                         # (B, H, T, D)  ATT-13
    if cache.weights_drop is not None:
        dweights = dropout.backward(dweights, cache.weights_drop)        # (B, H, T, T)  ATT-14
    dscores = softmax.backward(dweights, cache.softmax)                  # (B, H, T, T)  ATT-15
    dproducts = dscores / math.sqrt(q.shape[-1])                         # (B, H, T, T)  ATT-16
    dq = dproducts @ k                                                   # (B, H, T, D)  ATT-17
    dk = dproducts.swapaxes(-1, -2) @ q                                  # (B, H, T, D)  ATT-18
    dqkv = np.concatenate([merge_heads(a) for a in (dq, dk, dv)], -1)    # (B, T, 3C)    ATT-19
    dx, dqkv_params = linear.backward(dqkv, cache.qkv)                   # (B, T, C)     ATT-20
    return dx, Params(dqkv_params, dproj)
