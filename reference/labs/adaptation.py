"""Adapters for the weights of a whole model, which is run as it is. Derivation: adaptation.md.

The adapters are a tree like the model's parameters: a lora.Params in the place of each weight that
is adapted, and () where there is none. So an optimizer takes them, and names them, as parameters.
"""

import math

import numpy as np

from ..tools import tree
from . import lora


def init(p, rank, rng):
    """Return adapters for every matrix of a model's blocks; their product is 0.

    Raises ValueError for a rank below 1.
    """
    if rank < 1:
        raise ValueError(f"rank is {rank}; allowed: 1 or more")

    def adapter(weight):
        n_out, n_in = weight.shape
        a = rng.standard_normal((rank, n_in)) / math.sqrt(n_in)          # (R, I)
        return lora.Params(a.astype(weight.dtype), np.zeros((n_out, rank), weight.dtype))

    return tree.unwalk(p, {
        name: adapter(weight) if name.startswith("blocks.") and weight.ndim == 2 else ()
        for name, weight in tree.walk(p)})


def adapt(p, adapters, *, scale):
    """Return a model's parameters with each adapter merged into its weight."""
    named = dict(tree.walk(adapters))

    def merged(name, weight):
        if f"{name}.a" not in named:
            return weight
        return weight + scale * (named[f"{name}.b"] @ named[f"{name}.a"])     # (O, I)  AD-1

    return tree.unwalk(p, {name: merged(name, weight) for name, weight in tree.walk(p)})


def gradients(dp, adapters, *, scale):
    """Return the gradients of the adapters from those of the merged parameters."""
    named, grads = dict(tree.walk(adapters)), {}
    for name, dweight in tree.walk(dp):
        if f"{name}.a" in named:
            a, b = named[f"{name}.a"], named[f"{name}.b"]
            grads[f"{name}.a"] = scale * (b.T @ dweight)                 # (R, I)  AD-2
            grads[f"{name}.b"] = scale * (dweight @ a.T)                 # (O, R)  AD-3
    return tree.unwalk(adapters, grads)


def loss_and_grad(tokens, targets, adapters, *, config, keep=None, model, frozen, scale):
    """Return a model's loss and the gradients of its adapters, as train takes them.

    model is reference.gpt or reference.llama, frozen its parameters.
    """
    loss, dp = model.loss_and_grad(tokens, targets, adapt(frozen, adapters, scale=scale),
                                   config=config, keep=keep)
    return loss, gradients(dp, adapters, scale=scale)
