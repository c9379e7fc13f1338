"""The parameters of a GPT by their dotted names: the shapes, and the tree."""

import numpy as np

from reference import gpt
from reference.tools import tree


def shapes(config):
    """Yield (dotted name, shape) of each parameter, as gpt.init has them, but allocate none."""
    V, S, C = config.vocab_size, config.block_size, config.n_embd
    layers = {"norm_1": (C,), "attention.qkv": (3 * C, C), "attention.proj": (C, C),
              "norm_2": (C,), "mlp.up": (4 * C, C), "mlp.down": (C, 4 * C)}
    yield "embedding.token.weight", (V, C)
    yield "embedding.position.weight", (S, C)
    for i in range(config.n_layer):
        for layer, shape in layers.items():
            yield f"blocks.{i}.{layer}.weight", shape
            yield f"blocks.{i}.{layer}.bias", shape[:1]
    yield "norm.weight", (C,)
    yield "norm.bias", (C,)


def as_params(n_layer, arrays):
    """Return gpt.Params of n_layer blocks whose leaves are arrays[dotted name]."""
    smallest = gpt.init(gpt.Config(1, 1, n_layer, 1, 1), np.random.default_rng(0))
    return tree.unwalk(smallest, arrays)  # of the smallest model only the tree is used
