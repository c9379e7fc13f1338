"""Witnesses that know nothing of torch: the complex step and the adjoint test.

Both run the forward in complex128 on x + i h u. For an analytic f the imaginary part of
f(x + i h u) is h J u + O(h^3), and nothing is subtracted: with h = 1e-30 the error is rounding alone.
Source: Squire, Trapp, "Using Complex Variables to Estimate Derivatives of Real Functions" (1998).
"""

import numpy as np

from reference import tree

from . import agree
from .layers import Example

STEP = 1e-30


def complex_step(layer, example, dy, *, entries=None, rng=None):
    """Return {name: (places, slopes)}: the gradient of sum(dy * y) at some entries of each array.

    `entries` is how many entries of each array the generator rng picks, all of them if None.
    """
    found = {}
    for name, array in variables(example).items():
        places = np.arange(array.size)
        if entries is not None and entries < array.size:
            places = rng.choice(array.size, entries, replace=False)
        slopes = []
        for place in places:
            direction = np.zeros(array.size)
            direction[place] = 1.0
            moved = directional(layer, example, {name: direction.reshape(array.shape)})
            slopes.append((dy * moved).sum())
        found[name] = places, np.array(slopes)
    return found


def adjoint_error(layer, example, dy, gradients, rng):
    """Return |<J u, dy> - <u, J^T dy>| relative to the terms of the larger side, for a drawn u.

    J u is one complex step along u over all inputs and parameters at once, so that the cost does
    not grow with their number; J^T dy are the gradients.
    """
    directions = {name: rng.standard_normal(array.shape)
                  for name, array in variables(example).items()}
    pushed = dy * directional(layer, example, directions)
    pulled = [(directions[name] * gradients[name]).ravel() for name in directions]
    pulled = np.concatenate(pulled) if pulled else np.zeros(1)
    size = max(np.abs(pushed).sum(), np.abs(pulled).sum(), agree.floor(layer, "float64"))
    return abs(pushed.sum() - pulled.sum()) / size


def directional(layer, example, directions):
    """Return J u, of the shape of the output, for u given by array name; absent ones are 0."""
    def move(name, array):
        return array + 1j * STEP * directions[name] if name in directions else array

    there = example.astype("complex128")
    inputs = {name: move(name, array) for name, array in there.inputs.items()}
    params = there.params and tree.unwalk(
        there.params, {name: move(name, array) for name, array in tree.walk(there.params)})
    y, _ = agree.forward(layer, Example(inputs, params, there.options, there.masks))
    return np.imag(y) / STEP


def variables(example):
    """Return the arrays that have a gradient, by name: the float inputs and the parameters."""
    inputs = {name: example.inputs[name] for name in agree.differentiable(example)}
    return inputs | dict(tree.walk(example.params) if example.params else ())
