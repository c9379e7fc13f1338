"""One token at a time, as decode.py does it for GPT: turned keys, and values, are kept.

step is the forward of reference/llama.py for one row, without batch, mask, caches and checks; the
tags name the same equations.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from . import llama, llama_block, rope
from .tools.arguments import check_integers


class Memory(NamedTuple):
    keys: Array    # (L, K, S, D), turned by their positions
    values: Array  # (L, K, S, D)
    config: llama.Config


def begin(tokens, p, *, config):
    """Return the logits after a window's first tokens, and the Memory: (T,) -> (V,), Memory.

    Raises IndexError for an id outside 0 .. V - 1, ValueError for T outside 1 .. S.
    """
    check_integers("tokens", tokens)
    llama.check_arguments(tokens[None], p, config)
    T, K, D = len(tokens), config.n_kv_head, config.n_embd // config.n_head
    x = p.embedding.weight[tokens[None]]                                 # (1, T, C)  LL-1
    shape = config.n_layer, K, config.block_size, D
    memory = Memory(np.empty(shape, x.dtype), np.empty(shape, x.dtype), config)
    for block, keys, values in zip(p.blocks, memory.keys, memory.values):
        x, kept = llama_block.forward(
            x, block, n_head=config.n_head, n_kv_head=K,
            rope_base=config.rope_base, eps=config.eps)                  # (1, T, C)  LL-2
        keys[:, :T] = kept.attention.k[0]                                # (K, T, D)
        values[:, :T] = kept.attention.v[0]                              # (K, T, D)
    return score(x[0, -1], p, config.eps), memory


@np.errstate(all="ignore")  # what overflows ends in logits that are NaN, and softmax refuses them
def step(token, p, memory, t):
    """Return the logits after the token at position t: () -> (V,).

    memory holds positions 0 .. t - 1, and t as well afterwards: it is written to.
    """
    base, eps = memory.config.rope_base, memory.config.eps
    x = p.embedding.weight[token]                                        # (C,)       LL-1
    for block, keys, values in zip(p.blocks, memory.keys, memory.values):
        n = norm(x, block.norm_1, eps)                                   # (C,)       LB-1
        x = x + attend(n, block.attention, keys, values, t, base)        # (C,)       LB-2
        x = x + feed(norm(x, block.norm_2, eps), block.mlp)              # (C,)       LB-4
    return score(x, p, eps)


def attend(x, p, keys, values, t, base):
    """Write the key and value of position t, then attend to positions 0 .. t: (C,) -> (C,)."""
    K, _, D = keys.shape
    q, k, v = ((w.weight @ x).reshape(-1, 1, D) for w in (p.q, p.k, p.v))  # (H or K, 1, D)  GA-3
    qk, _ = rope.forward(np.concatenate((q, k)), base=base, start=t)     # (H + K, 1, D)  GA-4, GA-5
    q, keys[:, t], values[:, t] = qk[:-K], qk[-K:, 0], v[:, 0]           # (H, 1, D), (K, D)
    k, v = keys[:, :t + 1], values[:, :t + 1]                            # (K, T, D)
    scores = q.reshape(K, -1, D) @ k.swapaxes(-1, -2) / math.sqrt(D)     # (K, G, T)  GA-6
    e = np.exp(scores - scores.max(-1, keepdims=True))                   # (K, G, T)  SM-3
    mixed = e / e.sum(-1, keepdims=True) @ v                             # (K, G, D)  GA-8
    return p.proj.weight @ mixed.reshape(-1)                             # (C,)       GA-9


def feed(x, p):
    """The MLP: (C,) -> (C,)."""
    g, u = p.gate.weight @ x, p.up.weight @ x                            # (F,)       SG-1, SG-2
    return p.down.weight @ (g / (1 + np.exp(-g)) * u)                    # (C,)       SG-5


def norm(x, p, eps):
    """RMS normalization: (C,) -> (C,)."""
    square = x @ x / x.size + eps                                        # ()
    return x * (np.sqrt(square) / square) * p.weight                     # (C,)       RMS-3, or NaN


def score(x, p, eps):
    """The last norm and the head: (C,) -> (V,)."""
    return (p.head or p.embedding).weight @ norm(x, p.norm, eps)         # (V,)       LL-4
