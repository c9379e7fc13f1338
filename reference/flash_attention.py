"""Causal attention in blocks, in memory that grows with T. Derivation: flash_attention.md."""

import math
from numbers import Integral
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from .tools.arguments import check_cotangent, check_finite, check_floats
from .softmax import causal_mask


class Cache(NamedTuple):
    q: Array    # (B, H, T, D)
    k: Array    # (B, H, T, D)
    v: Array    # (B, H, T, D)
    y: Array    # (B, H, T, D)
    lse: Array  # (B, H, T, 1), the log-sum-exp of each row of scores
    block: int


def blocks(T, block):
    """Return slices of `block` positions that cover 0 .. T - 1; the last may reach beyond T."""
    return [slice(start, start + block) for start in range(0, T, block)]


@np.errstate(over="ignore", invalid="ignore")  # a score of the future may be anything
def block_scores(q_rows, k, on_diagonal):
    """Return the scores of one block, the future's as -inf: (B, H, R, D) -> (B, H, R, U)."""
    scores = q_rows @ k.swapaxes(-1, -2)                                   # (B, H, R, U)  FA-1
    if on_diagonal:
        scores = np.where(causal_mask(q_rows.shape[-2]), scores, -np.inf)  # (B, H, R, U)  FA-2
    return scores


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # what shows them is refused
def forward(q, k, v, *, block=256):
    """Return softmax(q k^T / sqrt(D)) v, causal, a block at a time: (B, H, T, D) -> (B, H, T, D).

    Raises ValueError unless block is an integer from 1 up, FloatingPointError where a score or a
    sum overflows or is NaN. Source: Dao et al., "FlashAttention" (2022), algorithm 1; the running
    maximum: Milakov, Gimelshein, "Online normalizer calculation for softmax" (2018), algorithm 3.
    """
    check_floats(q=(q, "BHTD"), k=(k, "BHTD"), v=(v, "BHTD"))
    if not isinstance(block, Integral) or block < 1:
        raise ValueError(f"block is {block}; allowed: an integer from 1 up")
    T, D = q.shape[-2:]
    y, lse = np.empty_like(q, order="C"), np.empty_like(q[..., :1], order="C")
    for rows in blocks(T, block):
        q_rows = q[:, :, rows] / math.sqrt(D)                            # (B, H, R, D)
        top, total, mixed = np.finfo(q.dtype).min, 0, 0  # not -inf, which less -inf is NaN
        for cols in blocks(rows.stop, block):  # up to the diagonal
            scores = block_scores(q_rows, k[:, :, cols], rows == cols)   # (B, H, R, U)
            last, top = top, np.maximum(
                top, scores.real.max(-1, keepdims=True))                 # (B, H, R, 1)  FA-3
            shrink = np.exp(last - top)                                  # (B, H, R, 1)  FA-4
            e = np.exp(scores - top)                                     # (B, H, R, U)  FA-5
            total = total * shrink + e.sum(-1, keepdims=True)            # (B, H, R, 1)  FA-6
            mixed = mixed * shrink + e @ v[:, :, cols]                   # (B, H, R, D)  FA-7
        y[:, :, rows] = mixed / total                                    # (B, H, R, D)  FA-8
        lse[:, :, rows] = top + np.log(total)                            # (B, H, R, 1)  FA-9
    check_finite("the log-sum-exp of a row in flash_attention", lse)
    check_finite("y in flash_attention", y)
    return y, Cache(q, k, v, y, lse, block)


def backward(dy, cache):
    """Return dq, dk, dv; the weights are computed again: (B, H, T, D) -> (B, H, T, D) each.

    Source: Dao et al. (2022), algorithm 4.
    """
    q, k, v, y, lse, block = cache
    check_cotangent("dy", dy, y.shape, y.dtype)
    T, D = q.shape[-2:]
    dq, dk, dv = (np.zeros_like(q, order="C") for _ in range(3))
    delta = (dy * y).sum(-1, keepdims=True)                              # (B, H, T, 1)  FA-10
    for rows in blocks(T, block):
        q_rows, dy_rows = q[:, :, rows] / math.sqrt(D), dy[:, :, rows]   # (B, H, R, D)
        for cols in blocks(rows.stop, block):
            scores = block_scores(q_rows, k[:, :, cols], rows == cols)   # (B, H, R, U)
            with np.errstate(over="ignore"):  # -inf, and its exponential rightly 0
                weights = np.exp(scores - lse[:, :, rows])               # (B, H, R, U)  FA-11
            dv[:, :, cols] += weights.swapaxes(-1, -2) @ dy_rows         # (B, H, U, D)  FA-12
            dweights = dy_rows @ v[:, :, cols].swapaxes(-1, -2)          # (B, H, R, U)  FA-13
            dscores = weights * (dweights - delta[:, :, rows])           # (B, H, R, U)  FA-14
            dq[:, :, rows] += dscores @ k[:, :, cols] / math.sqrt(D)     # (B, H, R, D)  FA-15
            dk[:, :, cols] += dscores.swapaxes(-1, -2) @ q_rows          # (B, H, U, D)  FA-16
    return dq, dk, dv
