"""Embedding: a token's row plus its position's row. Derivation: embedding.md."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from .tools.arguments import check_cotangent, check_floats, check_ids


class Table(NamedTuple):
    weight: Array    # (rows, C)


class Params(NamedTuple):
    token: Table     # (V, C)
    position: Table  # (S, C)


class Cache(NamedTuple):
    tokens: Array    # (B, T)
    vocab_size: int  # V
    block_size: int  # S
    n_embd: int      # C
    dtype: np.dtype  # of the output


def forward(tokens, p):
    """Return each token's row plus its position's row: (B, T) -> (B, T, C).

    Raises IndexError for an id outside 0 .. V - 1, ValueError for T outside 1 .. S.
    """
    token, position = p.token.weight, p.position.weight
    check_floats(token=(token, "VC"), position=(position, "SC"))
    (V, C), S = token.shape, len(position)
    check_ids("tokens", tokens, V)
    if tokens.ndim != 2 or tokens.shape[1] > S:
        raise ValueError(f"tokens has shape {tokens.shape}; allowed: (B, T) with T from 1 to {S}")
    y = token[tokens] + position[: tokens.shape[1]]          # (B, T, C)  EMB-1
    return y, Cache(tokens, V, S, C, y.dtype)


def backward(dy, cache):
    """Return the gradients of both tables; ids have none: (B, T, C) -> Params."""
    tokens, V, S, C, dtype = cache
    B, T = tokens.shape
    check_cotangent("dy", dy, (B, T, C), dtype)
    dtoken = np.zeros((V, C), dy.dtype)                      # (V, C)
    np.add.at(dtoken, tokens, dy)                            # (V, C)     EMB-2
    dposition = np.zeros((S, C), dy.dtype)                   # (S, C)
    dposition[:T] = dy.sum(0)                                # (S, C)     EMB-3
    return Params(Table(dtoken), Table(dposition))
