"""A submission's gradients before its own forward, where that is not the reference's."""

import copy

import numpy as np

from reference.tools import tree

from ..layers import both
from ..layers.row import Example
from ..layers.streams import stream

OWN = "own "       # how the names of these results begin
STEPS_OWN = [1e-3, 1e-4, 1e-5, 1e-6]
ENOUGH = 1e-7      # relative: central differences see no further


def own_slopes(forward, case, results):
    """Return by "own d x" (slope, claim, doubt, size) of each gradient along a drawn direction.

    forward(case) is the submission's output. The slope of sum(dy * y) is the best of some
    central differences, the claim what the gradient says; size is that of the claim's terms.
    """
    example, rng, found = case.example, stream(case.seed, "direction"), {}
    for name, array in arrays_with_gradient(example).items():
        if f"d {name}" not in results:
            continue
        u = rng.standard_normal(array.shape)
        slopes = np.array([(case.dy * (forward(nudged(case, name, h * u))
                                       - forward(nudged(case, name, -h * u)))).sum() / (2 * h)
                           for h in STEPS_OWN])
        apart = np.abs(np.diff(slopes))
        best = int(apart.argmin())
        grad = results[f"d {name}"]
        terms = u * grad if grad.shape == u.shape else np.full(1, np.nan)
        found[f"{OWN}d {name}"] = np.array(
            [slopes[best + 1], terms.sum(), apart[best], np.abs(terms).sum()])
    return found


def arrays_with_gradient(example):
    """Return the float inputs and the parameters by name."""
    return {name: example.inputs[name] for name in both.differentiable(example)} | dict(
        tree.walk(example.params) if example.params is not None else ())


def nudged(case, name, step):
    """Return the case with a step added to one of the arrays of its example."""
    example = case.example
    inputs = {n: a + step if n == name else a for n, a in example.inputs.items()}
    params = example.params
    if params is not None and name not in example.inputs:
        params = tree.unwalk(params, {n: a + step if n == name else a
                                      for n, a in tree.walk(params)})
    moved = copy.copy(case)
    vars(moved)["example"] = Example(inputs, params, example.options, example.constants)
    return moved


def fits_own(found):
    """Return by gradient whether it fits the submission's own forward in all cases that were
    asked; takes these results out. Empty where the output is the reference's."""
    fits = {}
    for _, results in found:
        for name in [name for name in results if name.startswith(OWN)]:
            slope, claim, doubt, size = results.pop(name)
            good = abs(slope - claim) <= ENOUGH * max(size, abs(slope), 1e-3) + 4 * doubt
            short = name.removeprefix(OWN)
            fits[short] = fits.get(short, True) and bool(good)
    return fits
