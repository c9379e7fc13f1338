"""What the examples of the tables are made of: ids, rates, and the parameters of layers.

Weights are drawn of deviation 1 / sqrt(fan-in), or 1 where there is no sum, so that activations,
scores and gradients are O(1).
"""

import math

import numpy as np

from reference import attention, block, embedding, layer_norm, linear, mlp


def draw_ids(rng, n):
    """Ids that repeat, since several positions share a small vocabulary: (B, T)."""
    return rng.integers(0, n["V"], (n["B"], n["T"]))


def draw_rate(rng):
    return float(rng.choice([0.1, 0.5]))


def maybe(rng, value):
    """The value or None, half of the time each."""
    return value if rng.random() < 0.5 else None


def draw_linear(rng, out, into):
    weight = rng.standard_normal((out, into)) / math.sqrt(into)
    return linear.Params(weight, rng.standard_normal(out))


def draw_weight(rng, out, into):
    """The weight of a linear layer without a bias: (out, into)."""
    return linear.Weight(rng.standard_normal((out, into)) / math.sqrt(into))


def draw_embedding(rng, n, C):
    S = n["S"] + n["T"] - 1  # from T upwards
    scale = 1 / math.sqrt(C)  # the table is also the head's weight, of fan-in C
    return embedding.Params(embedding.Table(rng.standard_normal((n["V"], C)) * scale),
                            embedding.Table(rng.standard_normal((S, C))))


def draw_norm(rng, C):
    return layer_norm.Params(rng.standard_normal(C), rng.standard_normal(C))


def draw_attention(rng, C):
    return attention.Params(draw_linear(rng, 3 * C, C), draw_linear(rng, C, C))


def draw_mlp(rng, C):
    return mlp.Params(draw_linear(rng, 4 * C, C), draw_linear(rng, C, 4 * C))


def draw_block(rng, C):
    return block.Params(draw_norm(rng, C), draw_attention(rng, C), draw_norm(rng, C),
                        draw_mlp(rng, C))


def channels(n):
    return n["H"] * n["D"]


def repeats(n, e):
    return np.unique(e.inputs["tokens"]).size < e.inputs["tokens"].size
