"""The parameters of a model by their dotted names: the shapes, and the tree."""

from dataclasses import replace

import numpy as np

from reference.tools import tree

from .models import model_of


def shapes(config):
    """Return (dotted name, shape) of each parameter as the model's init has it; allocate none."""
    return SHAPES[model_of(config).stem](config)


def gpt_shapes(config):
    """Yield those of a GPT."""
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


def llama_shapes(config):
    """Yield those of a llama."""
    V, C, F = config.vocab_size, config.n_embd, config.n_hidden
    shared = config.n_kv_head * (C // config.n_head)  # channels of the keys, and of the values
    layers = {"norm_1": (C,), "attention.q": (C, C), "attention.k": (shared, C),
              "attention.v": (shared, C), "attention.proj": (C, C),
              "norm_2": (C,), "mlp.gate": (F, C), "mlp.up": (F, C), "mlp.down": (C, F)}
    yield "embedding.weight", (V, C)
    for i in range(config.n_layer):
        for layer, shape in layers.items():
            yield f"blocks.{i}.{layer}.weight", shape
    yield "norm.weight", (C,)
    if not config.tied:
        yield "head.weight", (V, C)


def as_params(config, arrays):
    """Return the Params of a model of a Config whose leaves are arrays[dotted name]."""
    model = model_of(config)
    smallest = model.numpy.init(replace(config, **LEAST[model.stem]), np.random.default_rng(0))
    return tree.unwalk(smallest, arrays)  # of the smallest model only the tree is used


SHAPES = {"gpt": gpt_shapes, "llama": llama_shapes}
LEAST = {"gpt": dict(vocab_size=1, block_size=1, n_head=1, n_embd=1),
         "llama": dict(vocab_size=1, block_size=1, n_head=1, n_kv_head=1, n_embd=2, n_hidden=1)}
