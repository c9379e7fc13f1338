"""Weights in a few bits: blocks with a scale each, and one of a few levels for every weight.

Derivation: quantize.md.
"""

from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

SCALE_BITS = 32  # of a block's scale


class Quantized(NamedTuple):
    """A weight in a few bits, before its codes are packed."""

    codes: Array   # (G, Q), uint8: which level, for each of Q weights of G blocks
    scales: Array  # (G,), float32: what the levels of a block are multiplied by
    shape: tuple   # of the weight


def integer_levels(bits):
    """Return the levels of a symmetric integer of so many bits, from -1 to 1: (2^bits - 1,)."""
    n = 2 ** (bits - 1) - 1
    return np.arange(-n, n + 1) / n                                      # (2n + 1,)  QZ-1


def normal_levels():
    """Return NF4's 16 levels, which normal weights use about equally often: (16,).

    Source: Dettmers et al., "QLoRA" (2023), section 3, and create_normal_map of bitsandbytes, for
    where the tails are cut.
    """
    last = 1 - (1 / 32 + 1 / 30) / 2
    above = [NormalDist().inv_cdf(last + (0.5 - last) * i / 8) for i in range(8)]
    below = [-NormalDist().inv_cdf(last + (0.5 - last) * i / 7) for i in range(7)]
    return np.array(sorted([*below, 0.0, *above])) / above[0]            # (16,)      QZ-2


LEVELS = {"int8": (8, integer_levels(8)), "int4": (4, integer_levels(4)),
          "int3": (3, integer_levels(3)), "int2": (2, integer_levels(2)),
          "NF4": (4, normal_levels())}  # bits and levels, by kind


def quantize(w, kind, block=None):
    """Return a weight as Quantized: (...) -> (G, Q), (G,); without a block, G is 1.

    Raises ValueError for a block that doesn't divide the weight.
    """
    block = w.size if block is None else block
    if block < 1 or w.size % block:
        raise ValueError(f"block is {block}; allowed: a divisor of the {w.size} weights")
    _, levels = LEVELS[kind]
    rows = w.reshape(-1, block)                                          # (G, Q)
    scales = np.abs(rows).max(-1).astype(np.float32)                     # (G,)       QZ-3
    ratio = rows / np.where(scales == 0, 1, scales)[:, None]             # (G, Q)
    edges = (levels[1:] + levels[:-1]) / 2
    codes = np.searchsorted(edges, ratio).astype(np.uint8)               # (G, Q)     QZ-4
    return Quantized(codes, scales, w.shape)


def dequantize(quantized, kind, dtype=np.float64):
    """Return the weight that codes and scales stand for: (G, Q), (G,) -> (...)."""
    codes, scales, shape = quantized
    _, levels = LEVELS[kind]
    return (levels[codes] * scales[:, None]).reshape(shape).astype(dtype)    # (...)  QZ-5


def rounded(w, kind, block=None):
    """Return what is left of a weight: (...) -> (...)."""
    return dequantize(quantize(w, kind, block), kind, w.dtype)


def bits_per_weight(kind, block):
    """Return how many bits a weight takes, with its share of the scale."""
    bits, _ = LEVELS[kind]
    return bits + SCALE_BITS / block                                     # ()         QZ-6


def pack(codes, kind):
    """Return codes bit behind bit, the lowest first: (G, Q) -> (bytes,), uint8."""
    bits, _ = LEVELS[kind]
    each = codes.reshape(-1, 1) >> np.arange(bits, dtype=np.uint8) & 1   # (N, bits)
    return np.packbits(each, bitorder="little")                          # (bytes,)   QZ-7


def unpack(packed, kind, shape):
    """Return the codes again: (bytes,) -> (G, Q)."""
    bits, _ = LEVELS[kind]
    each = np.unpackbits(packed, count=np.prod(shape) * bits, bitorder="little")
    return (each.reshape(*shape, bits) << np.arange(bits)).sum(-1).astype(np.uint8)


def straight_through(dw):
    """Return, for the gradient of a rounded weight, what is taken for that of the weight itself.

    It is not the derivative, which is 0 wherever there is one: (...) -> (...).
    Source: Bengio, Leonard, Courville, "Estimating or Propagating Gradients Through Stochastic
    Neurons for Conditional Computation" (2013).
    """
    return dw.copy()                                                     # (...)      QZ-8


def gguf_blocks(w, kind):
    """Return rows as llama.cpp's files have them, in blocks of 32: (..., C) -> (..., bytes), uint8.

    Raises ValueError for rows that are no whole blocks.
    Source: the functions quantize_blocks of llama.cpp's gguf-py/gguf/quants.py.
    """
    if w.shape[-1] % 32:
        raise ValueError(f"w has rows of {w.shape[-1]}; allowed: a multiple of 32")
    x = w.reshape(*w.shape[:-1], -1, 32).astype(np.float32)              # (..., C/32, 32)
    scales, codes = {"Q4_0": q4_0, "Q4_1": q4_1, "Q8_0": q8_0}[kind](x)
    if kind != "Q8_0":
        codes = codes[..., :16] | codes[..., 16:] << 4                   # (..., C/32, 16)
    heads = np.concatenate(scales, -1).astype("<f2").view(np.uint8)      # 2 bytes a number
    return np.concatenate([heads, codes], -1).reshape(*w.shape[:-1], -1)


def q4_0(x):
    """Return (d,) and codes, which stand for d (code - 8): the largest weight has the code 0."""
    largest = np.take_along_axis(x, np.abs(x).argmax(-1, keepdims=True), -1)
    d = largest / -8                                                     # (..., 1)   QZ-9
    return (d,), codes_of(x, d, 8.5)


def q4_1(x):
    """Return (d, m) and codes, which stand for d code + m, m being the least weight."""
    m = x.min(-1, keepdims=True)                                         # (..., 1)   QZ-10
    d = (x.max(-1, keepdims=True) - m) / 15
    return (d, m), codes_of(x - m, d, 0.5)


def q8_0(x):
    """Return (d,) and codes, signed bytes, which stand for d code."""
    d = np.abs(x).max(-1, keepdims=True) / 127                           # (..., 1)   QZ-11
    ratio = x * inverse(d)
    away = np.trunc(ratio + np.copysign(np.float32(0.5), ratio))  # of two alike, that far from 0
    return (d,), away.astype(np.int8).view(np.uint8)


def codes_of(x, d, shift):
    """Return codes from 0 to 15."""
    ratio = x.astype(np.float64) * inverse(d)
    return np.trunc(ratio + shift).clip(0, 15).astype(np.uint8)


def inverse(d):
    """Return 1 / d, and 0 for 0."""
    return np.where(d == 0, 0, 1 / np.where(d == 0, 1, d)).astype(np.float32)
