"""One token at a time: keys and values are kept, so that only the newest row is computed.

In a GPT a position sees itself and earlier ones, so what earlier rows came to never changes; and
of them only attention asks, for their keys and values. step is the forward of reference/gpt.py
for one row, without batch, mask, caches and checks; the tags name the same equations.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from . import gpt
from .gelu import CUBIC, SLOPE
from .tools.arguments import check_integers


class Memory(NamedTuple):
    keys: Array    # (L, H, S, D)
    values: Array  # (L, H, S, D)


def begin(tokens, p, *, config):
    """Return the logits after a window's first tokens, and the Memory: (T,) -> (V,), Memory.

    Raises IndexError for an id outside 0 .. V - 1, ValueError for T outside 1 .. S.
    """
    check_integers("tokens", tokens)
    logits, cache = gpt.forward(tokens[None], p, config=config)          # (1, T, V)
    L, S, H, C = config.n_layer, config.block_size, config.n_head, config.n_embd
    memory = Memory(*np.empty((2, L, H, S, C // H), logits.dtype))
    for keys, values, kept in zip(*memory, cache.blocks):
        keys[:, :len(tokens)] = kept.attention.k[0]                      # (H, T, D)
        values[:, :len(tokens)] = kept.attention.v[0]                    # (H, T, D)
    return logits[0, -1], memory


@np.errstate(all="ignore")  # what overflows ends in logits that are NaN, and softmax refuses them
def step(token, p, memory, t):
    """Return the logits after the token at position t: () -> (V,).

    memory holds positions 0 .. t - 1, and t as well afterwards: it is written to.
    """
    x = p.embedding.token.weight[token] + p.embedding.position.weight[t] # (C,)       EMB-1
    for block, keys, values in zip(p.blocks, *memory):
        x = x + attend(norm(x, block.norm_1), block.attention, keys, values, t)  # (C,)  BLK-2
        x = x + feed(norm(x, block.norm_2), block.mlp)                   # (C,)       BLK-4
    return p.embedding.token.weight @ norm(x, p.norm)                    # (V,)       LM-5


def attend(x, p, keys, values, t):
    """Write the key and value of position t, then attend to positions 0 .. t: (C,) -> (C,)."""
    H, _, D = keys.shape
    q, keys[:, t], values[:, t] = linear(x, p.qkv).reshape(3, H, D)      # (H, D)     ATT-2
    k, v = keys[:, :t + 1], values[:, :t + 1]                            # (H, T, D)
    scores = q[:, None] @ k.swapaxes(-1, -2) / math.sqrt(D)              # (H, 1, T)  ATT-3
    e = np.exp(scores - scores.max(-1, keepdims=True))                   # (H, 1, T)  SM-3
    mixed = e / e.sum(-1, keepdims=True) @ v                             # (H, 1, D)  ATT-6
    return linear(mixed.reshape(-1), p.proj)                             # (C,)       ATT-7


def feed(x, p):
    """The MLP: (C,) -> (C,)."""
    h = linear(x, p.up)                                                  # (4C,)      MLP-1
    e = np.exp(h * (-SLOPE - CUBIC * (h * h)))                           # (4C,)      GELU-2
    return linear(h / (1 + e), p.down)                                   # (C,)       MLP-3


def norm(x, p, eps=1e-5):
    """Layer normalization: (C,) -> (C,)."""
    xc = x - x.sum() / x.size                                            # (C,)       LN-1
    xc = xc - xc.sum() / x.size                                          # (C,)       its rounding
    variance = xc @ xc / x.size + eps                                    # ()         LN-2
    rstd = np.sqrt(variance) / variance                                  # ()         or NaN
    return xc * rstd * p.weight + p.bias                                 # (C,)       LN-4


def linear(x, p):
    """W x + b: (I,) -> (O,)."""
    return p.weight @ x + p.bias                                         # (O,)       LIN-1
