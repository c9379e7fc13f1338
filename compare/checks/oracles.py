"""Oracles that know nothing of torch: the complex step, the adjoint test, central differences.

The first two run the forward in complex128 on x + i h u. For an analytic f the imaginary part of
f(x + i h u) is h J u + O(h^3), and nothing is subtracted: with h = 1e-30 the error is rounding alone.
Source: Squire, Trapp, "Using Complex Variables to Estimate Derivatives of Real Functions" (1998).
"""

import numpy as np

from reference.tools import tree

from ..layers import both
from ..layers.row import Example

STEP = 1e-30
STEPS = [10.0**-k for k in range(2, 10)]  # of central differences, from large to small
TINY = 1e-3  # terms are O(1): the size below which a sum of them is measured as if it had this one


def draw_places(example, count, rng):
    """Return flat indices of at most `count` entries of each array that has a gradient."""
    return {name: rng.permutation(array.size)[:count]
            for name, array in variables(example).items()}


def complex_step(layer, example, dy, places, step=STEP):
    """Return the gradient of sum(dy * y) at the places of each array, by its name."""
    def slope(direction):
        return (dy * directional(layer, example, direction, step)).sum()
    return along_axes(example, places, slope)


def central_differences(layer, example, dy, places):
    """Return the same slopes from real values alone, and by how much each may be off, by name.

    Each is (f(x + h) - f(x - h)) / 2h at the best step. A large step is off by terms of h^2, a
    small one by rounding over h; between them successive steps agree best, which shows the best
    one without knowing the slope. How far its neighbours are from it shows how good it is.
    """
    def slope_and_doubt(direction):
        found = np.array([difference(layer, example, dy, direction, h) for h in STEPS])
        apart = np.abs(np.diff(found))
        best = 1 + apart[1:].argmin()
        return found[best], apart[best - 1 : best + 1].max()

    found = along_axes(example, places, slope_and_doubt)
    return ({name: pairs.reshape(-1, 2)[:, 0] for name, pairs in found.items()},
            {name: pairs.reshape(-1, 2)[:, 1] for name, pairs in found.items()})


def difference(layer, example, dy, direction, step):
    """Return (f(x + h u) - f(x - h u)) / 2h for f = sum(dy * y); u as in `moved`."""
    above, below = (both.forward(layer, moved(example, direction, h))[0] for h in (step, -step))
    return (dy * (above - below)).sum() / (2 * step)


def adjoint_error(layer, example, dy, gradients, rng):
    """Return |<J u, dy> - <u, J^T dy>| relative to the terms of the larger side, for a drawn u.

    J u is one complex step along u over all inputs and parameters at once, so that the cost does
    not grow with their number; J^T dy are the gradients.
    """
    u = {name: rng.standard_normal(array.shape) for name, array in variables(example).items()}
    pushed = dy * directional(layer, example, u)
    pulled = [(u[name] * gradients[name]).ravel() for name in u]
    pulled = np.concatenate(pulled) if pulled else np.zeros(1)
    size = max(np.abs(pushed).sum(), np.abs(pulled).sum(), TINY)
    return float(abs(pushed.sum() - pulled.sum()) / size)


def directional(layer, example, direction, step=STEP):
    """Return J u, of the shape of the output, for u as in `moved`."""
    y, _ = both.forward(layer, moved(example.astype("complex128"), direction, 1j * step))
    return np.imag(y) / step


def moved(example, direction, step):
    """Return the example at x + step * u, for u given by array name; absent ones are 0."""
    def move(name, array):
        return array + step * direction[name] if name in direction else array

    inputs = {name: move(name, array) for name, array in example.inputs.items()}
    params = example.params and tree.unwalk(
        example.params, {name: move(name, array) for name, array in tree.walk(example.params)})
    return Example(inputs, params, example.options, example.masks)


def along_axes(example, places, slope):
    """Return slope(u) for the unit vector u of each place, as an array by name."""
    arrays = variables(example)

    def unit(name, place):
        u = np.zeros(arrays[name].shape)
        u.flat[place] = 1.0
        return {name: u}

    return {name: np.array([slope(unit(name, place)) for place in places[name]])
            for name in arrays}


def variables(example):
    """Return the arrays that have a gradient, by name: the float inputs and the parameters."""
    inputs = {name: example.inputs[name] for name in both.differentiable(example)}
    return inputs | dict(tree.walk(example.params) if example.params else ())
