"""One transformer block: two residual branches, each behind its own norm. Derivation: block.md."""

from typing import NamedTuple

from numpy import ndarray as Array

from . import attention, dropout, layer_norm, mlp


class Params(NamedTuple):
    norm_1: layer_norm.Params
    attention: attention.Params
    norm_2: layer_norm.Params
    mlp: mlp.Params


class Keep(NamedTuple):
    attention: attention.Keep
    mlp: Array  # (B, T, C)


class Cache(NamedTuple):
    norm_1: layer_norm.Cache
    attention: attention.Cache
    norm_2: layer_norm.Cache
    mlp: mlp.Cache


def draw_keep(rng, B, T, C, n_head, rate):
    """Return a Keep drawn from the generator, True with probability 1 - rate."""
    return Keep(attention.draw_keep(rng, B, T, C, n_head, rate),
                dropout.draw_keep(rng, (B, T, C), rate))


def forward(x, p, *, n_head, keep: Keep | None = None, rate=0.0):
    """Return r + mlp(norm_2(r)) with r = x + attention(norm_1(x)): (B, T, C) -> (B, T, C).

    Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), 2.3.
    """
    n, norm_1 = layer_norm.forward(x, p.norm_1)              # (B, T, C)  BLK-1
    a, attend = attention.forward(
        n, p.attention, n_head=n_head,
        keep=keep and keep.attention, rate=rate)
    r = x + a                                                # (B, T, C)  BLK-2
    m, norm_2 = layer_norm.forward(r, p.norm_2)              # (B, T, C)  BLK-3
    f, feed = mlp.forward(
        m, p.mlp, keep=keep and keep.mlp, rate=rate)
    return r + f, Cache(norm_1, attend, norm_2, feed)        # (B, T, C)  BLK-4


def backward(dy, cache):
    """Return dx and the gradients of the parameters: (B, T, C) -> (B, T, C), Params."""
    dm, dmlp = mlp.backward(dy, cache.mlp)                      # (B, T, C)  BLK-5
    dr_branch, dnorm_2 = layer_norm.backward(dm, cache.norm_2)  # (B, T, C)  BLK-6
    dr = dy + dr_branch                                         # (B, T, C)  BLK-7
    dn, dattention = attention.backward(dr, cache.attention)    # (B, T, C)  BLK-8
    dx_branch, dnorm_1 = layer_norm.backward(dn, cache.norm_1)  # (B, T, C)  BLK-9
    dx = dr + dx_branch                                         # (B, T, C)  BLK-10
    return dx, Params(dnorm_1, dattention, dnorm_2, dmlp)
