"""The witnesses before a row of the table: each takes (layer, example) in place of (f, arrays)."""

import functools

from reference.tools import tree

from ..layers import both
from ..layers.row import Example
from . import witnesses


def as_function(layer, example):
    """Return (f, arrays): the layer's forward as a function of its arrays by name."""
    def f(arrays):
        inputs = {name: arrays.get(name, array) for name, array in example.inputs.items()}
        params = example.params and tree.unwalk(example.params, arrays)
        constants = example.astype(next(iter(arrays.values())).dtype).constants
        return both.forward(layer, Example(inputs, params, example.options, constants))[0]
    return f, variables(example)


def variables(example):
    """Return the arrays that have a gradient, by name: the float inputs and the parameters."""
    inputs = {name: example.inputs[name] for name in both.differentiable(example)}
    return inputs | dict(tree.walk(example.params) if example.params else ())


def of_a_row(witness):
    """Return a witness that takes a row of the table and its example."""
    @functools.wraps(witness)
    def called(layer, example, *given, **options):
        return witness(*as_function(layer, example), *given, **options)
    return called


complex_step = of_a_row(witnesses.complex_step)
central_differences = of_a_row(witnesses.central_differences)
difference = of_a_row(witnesses.difference)
adjoint_error = of_a_row(witnesses.adjoint_error)
directional = of_a_row(witnesses.directional)


def draw_places(example, count, rng):
    """Return flat indices of at most `count` entries of each array that has a gradient."""
    return witnesses.draw_entries(variables(example), count, rng)
