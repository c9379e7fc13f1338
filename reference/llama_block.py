"""One block of a llama: grouped attention and SwiGLU, each behind an RMS norm.

Derivation: llama_block.md.
"""

from typing import NamedTuple

from . import grouped_attention, rms_norm, swiglu


class Params(NamedTuple):
    norm_1: rms_norm.Params
    attention: grouped_attention.Params
    norm_2: rms_norm.Params
    mlp: swiglu.Params


class Cache(NamedTuple):
    norm_1: rms_norm.Cache
    attention: grouped_attention.Cache
    norm_2: rms_norm.Cache
    mlp: swiglu.Cache


def forward(x, p, *, n_head, n_kv_head, rope_base=10000.0, eps=1e-5):
    """Return r + mlp(norm_2(r)) with r = x + attention(norm_1(x)): (B, T, C) -> (B, T, C).

    Source: Touvron et al., "LLaMA" (2023); Ainslie et al., "GQA" (2023), for heads that share keys
    and values.
    """
    n, norm_1 = rms_norm.forward(x, p.norm_1, eps=eps)          # (B, T, C)  LB-1
    a, attend = grouped_attention.forward(
        n, p.attention, n_head=n_head, n_kv_head=n_kv_head, rope_base=rope_base)
    r = x + a                                                   # (B, T, C)  LB-2
    m, norm_2 = rms_norm.forward(r, p.norm_2, eps=eps)          # (B, T, C)  LB-3
    f, feed = swiglu.forward(m, p.mlp)
    return r + f, Cache(norm_1, attend, norm_2, feed)           # (B, T, C)  LB-4


def backward(dy, cache):
    """Return dx and the gradients of the parameters: (B, T, C) -> (B, T, C), Params."""
    dm, dmlp = swiglu.backward(dy, cache.mlp)                   # (B, T, C)  LB-5
    dr_branch, dnorm_2 = rms_norm.backward(dm, cache.norm_2)    # (B, T, C)  LB-6
    dr = dy + dr_branch                                         # (B, T, C)  LB-7
    dn, dattention = grouped_attention.backward(
        dr, cache.attention)                                    # (B, T, C)  LB-8
    dx_branch, dnorm_1 = rms_norm.backward(dn, cache.norm_1)    # (B, T, C)  LB-9
    dx = dr + dx_branch                                         # (B, T, C)  LB-10
    return dx, Params(dnorm_1, dattention, dnorm_2, dmlp)
