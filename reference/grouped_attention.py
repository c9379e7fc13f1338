"""Causal self-attention whose heads share keys and values. Derivation: grouped_attention.md."""

import math
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from . import linear, rope, softmax
from .attention import merge_heads, split_heads
from .tools.arguments import check_cotangent, check_floats


class Params(NamedTuple):
    q: linear.Weight     # weight (C, C)
    k: linear.Weight     # weight (K D, C)
    v: linear.Weight     # weight (K D, C)
    proj: linear.Weight  # weight (C, C)


class Cache(NamedTuple):
    x: Array             # (B, T, C)
    q: Array             # (B, H, T, D), turned
    k: Array             # (B, K, T, D), turned
    v: Array             # (B, K, T, D)
    rope_q: rope.Cache
    rope_k: rope.Cache
    softmax: softmax.Cache
    merged: Array        # (B, T, C)
    p: Params


@np.errstate(over="ignore", invalid="ignore")  # softmax refuses the scores that show either
def forward(x, p, *, n_head, n_kv_head, rope_base=10000.0):
    """Return softmax(q k^T / sqrt(D)) v of each head, merged and projected: (B, T, C) -> (B, T, C).

    Each of K = n_kv_head heads of keys and values serves G = H / K neighbouring heads of queries.
    Raises ValueError for sizes that don't divide, FloatingPointError where a score overflows.
    Source: Ainslie et al., "GQA" (2023).
    """
    B, T, K, G, D = sizes_of(x, p, n_head, n_kv_head)
    q = split_heads(project(x, p.q), n_head)                             # (B, H, T, D)     GA-1
    k = split_heads(project(x, p.k), n_kv_head)                          # (B, K, T, D)     GA-2
    v = split_heads(project(x, p.v), n_kv_head)                          # (B, K, T, D)     GA-3
    q, rope_q = rope.forward(q, base=rope_base)                          # (B, H, T, D)     GA-4
    k, rope_k = rope.forward(k, base=rope_base)                          # (B, K, T, D)     GA-5
    groups = q.reshape(B, K, G, T, D)                                    # (B, K, G, T, D)
    scores = groups @ k[:, :, None].swapaxes(-1, -2) / math.sqrt(D)      # (B, K, G, T, T)  GA-6
    weights, softmax_cache = softmax.forward(
        scores, mask=softmax.causal_mask(T))                             # (B, K, G, T, T)  GA-7
    mixed = weights @ v[:, :, None]                                      # (B, K, G, T, D)  GA-8
    merged = merge_heads(mixed.reshape(q.shape))                         # (B, T, C)
    y = project(merged, p.proj)                                          # (B, T, C)        GA-9
    return y, Cache(x, q, k, v, rope_q, rope_k, softmax_cache, merged, p)


def backward(dy, cache):
    """Return dx and the gradients of the parameters: (B, T, C) -> (B, T, C), Params."""
    x, q, k, v, p, weights = cache.x, cache.q, cache.k, cache.v, cache.p, cache.softmax.y
    check_cotangent("dy", dy, x.shape, x.dtype)
    groups = q.reshape(*weights.shape[:-1], -1)                          # (B, K, G, T, D)
    dmerged, dproj = unproject(dy, cache.merged, p.proj)                 # (B, T, C)        GA-10
    dmixed = split_heads(dmerged, q.shape[1]).reshape(groups.shape)      # (B, K, G, T, D)  GA-11
    dweights = dmixed @ v[:, :, None].swapaxes(-1, -2)                   # (B, K, G, T, T)  GA-12
    dv = (weights.swapaxes(-1, -2) @ dmixed).sum(2)                      # (B, K, T, D)     GA-13
    dscores = softmax.backward(dweights, cache.softmax)                  # (B, K, G, T, T)  GA-14
    dproducts = dscores / math.sqrt(q.shape[-1])                         # (B, K, G, T, T)  GA-15
    dq = (dproducts @ k[:, :, None]).reshape(q.shape)                    # (B, H, T, D)     GA-16
    dk = (dproducts.swapaxes(-1, -2) @ groups).sum(2)                    # (B, K, T, D)     GA-17
    dq = rope.backward(dq, cache.rope_q)                                 # (B, H, T, D)     GA-18
    dk = rope.backward(dk, cache.rope_k)                                 # (B, K, T, D)     GA-19
    dx_q, dq_weight = unproject(merge_heads(dq), x, p.q)                 # (B, T, C)        GA-20
    dx_k, dk_weight = unproject(merge_heads(dk), x, p.k)                 # (B, T, C)        GA-21
    dx_v, dv_weight = unproject(merge_heads(dv), x, p.v)                 # (B, T, C)        GA-22
    dx = dx_q + dx_k + dx_v                                              # (B, T, C)        GA-23
    return dx, Params(dq_weight, dk_weight, dv_weight, dproj)


def project(x, p):
    """Return x W^T, a linear layer without a bias: (B, T, I) -> (B, T, O)."""
    B, T, I = x.shape
    return (x.reshape(-1, I) @ p.weight.T).reshape(B, T, -1)             # (B, T, O)


def unproject(dy, x, p):
    """Return dx and the gradient of the weight: (B, T, O) -> (B, T, I), linear.Weight."""
    dy_rows, x_rows = (a.reshape(-1, a.shape[-1]) for a in (dy, x))      # (N, O), (N, I)
    dx_rows = dy_rows @ p.weight                                         # (N, I)
    return dx_rows.reshape(x.shape), linear.Weight(dy_rows.T @ x_rows)   # (O, I)


def sizes_of(x, p, n_head, n_kv_head):
    """Return B, T, K, G and D; raise ValueError where they don't fit together."""
    check_floats(x=(x, "BTC"), q=(p.q.weight, "CC"), k=(p.k.weight, "EC"), v=(p.v.weight, "EC"),
                 proj=(p.proj.weight, "CC"))
    B, T, C = x.shape
    if C % n_head:
        raise ValueError(f"x has C = {C} channels; allowed: a multiple of n_head = {n_head}")
    if n_head % n_kv_head:
        raise ValueError(f"n_kv_head is {n_kv_head}; allowed: a divisor of n_head = {n_head}")
    D = C // n_head
    if len(p.k.weight) != n_kv_head * D:
        raise ValueError(f"k has shape {p.k.weight.shape}; allowed: {(n_kv_head * D, C)}")
    return B, T, n_kv_head, n_head // n_kv_head, D
