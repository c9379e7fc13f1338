"""A llama that writes in little memory: its weights may stay packed, and a long prompt costs less.

The interface is that of reference/llama_decode.py, whose step serves packed weights as they are:
it multiplies with `weight @ x`. A prompt needs each weight for many tokens, so there the weights
of one block at a time are floats.
"""

import numpy as np

from .. import flash_attention, llama, llama_decode, rms_norm, rope, swiglu
from ..attention import merge_heads, split_heads
from ..grouped_attention import project
from ..llama_decode import Memory, score, step
from ..tools import tree
from ..tools.arguments import check_ids
from .packed import as_floats

__all__ = ["begin", "block_params", "step"]


def begin(tokens, p, *, config):
    """Return the logits after a window's first tokens, and the Memory: (T,) -> (V,), Memory.

    Raises IndexError for an id outside 0 .. V - 1, ValueError for T outside 1 .. S.
    """
    check_ids("tokens", tokens, config.vocab_size)
    T, S, D = len(tokens), config.block_size, config.n_embd // config.n_head
    if T > S:
        raise ValueError(f"tokens has {T} positions; allowed: 1 to {S}")
    x = p.embedding.weight[tokens][None]                                 # (1, T, C)  LL-1
    shape = config.n_layer, config.n_kv_head, S, D
    memory = Memory(np.empty(shape, x.dtype), np.empty(shape, x.dtype), config)
    for i, (keys, values) in enumerate(zip(memory.keys, memory.values)):
        x, keys[:, :T], values[:, :T] = block_rows(x, block_params(p, i), config)
    return score(x[0, -1], p, config.eps), memory


def block_params(p, i):
    """Return the llama_block.Params of block i, its weights as floats."""
    return tree.map(as_floats, p.blocks[i])


def block_rows(x, p, config):
    """Return llama_block's y, turned keys and values: (1, T, C) -> (1, T, C), (K, T, D) twice.

    Flash attention takes the place of a table of T^2 scores for each head.
    """
    H, K, eps = config.n_head, config.n_kv_head, config.eps
    n, _ = rms_norm.forward(x, p.norm_1, eps=eps)                        # (1, T, C)     LB-1
    q = split_heads(project(n, p.attention.q), H)                        # (1, H, T, D)  GA-1
    k = split_heads(project(n, p.attention.k), K)                        # (1, K, T, D)  GA-2
    v = split_heads(project(n, p.attention.v), K)                        # (1, K, T, D)  GA-3
    q, _ = rope.forward(q, base=config.rope_base)                        # (1, H, T, D)  GA-4
    k, _ = rope.forward(k, base=config.rope_base)                        # (1, K, T, D)  GA-5
    own_k, own_v = (np.repeat(a, H // K, axis=1) for a in (k, v))        # (1, H, T, D)
    mixed, _ = flash_attention.forward(q, own_k, own_v)                  # (1, H, T, D)  GA-8
    r = x + project(merge_heads(mixed), p.attention.proj)                # (1, T, C)     LB-2
    m, _ = rms_norm.forward(r, p.norm_2, eps=eps)                        # (1, T, C)     LB-3
    return r + swiglu.forward(m, p.mlp)[0], k[0], v[0]                   # (1, T, C)     LB-4
