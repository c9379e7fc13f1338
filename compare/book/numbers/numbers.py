"""The numbers of the book: what each tagged line of NumPy makes of a tiny example, and torch's."""

import itertools
from typing import NamedTuple
from unittest import mock

import numpy as np

from reference.tools import tree

from ...checks.coverage import met_by
from ...checks.derivations import tags_of
from ...layers import both
from ...layers.row import Example
from ...layers.sizes import sizes
from ...layers.labs import LABS
from ...layers.source import DERIVED, HOUSE, path_of
from ...layers.table import LAYERS
from . import torch_run
from .number import copied, number
from .optimizer_numbers import optimizer_numbers
from .trace import made_by
from .twins import twins

SEEDS = 50                   # from which the example is taken
FEWER = {"mlp": {"C": 2}}    # sizes by letter, where arrays would be wide


class Autograd(NamedTuple):
    """What autograd recorded, and ran."""

    lines: list      # (tags, name, grad_fn) of each tagged line of torch: the node that it added
    walk: list       # the nodes in the order in which y.backward(dy) ran them
    gradients: list  # (expression, tag): which .grad is which tag, as in ("x.grad", "LN-8")


class BookExample(NamedTuple):
    """The example of a layer."""

    sizes: dict      # by letter
    example: Example
    dy: np.ndarray   # the cotangent


class Paired(NamedTuple):
    """A layer's numbers, and the run of torch that they are beside."""

    forward: list
    backward: list
    run: torch_run.TorchRun


def numbers_of(stem):
    """Return the Numbers of each tag of a derivation, by tag, in the order of its lines.

    A derivation without code has none, nor has that of a lab.
    """
    if stem not in DERIVED or stem in LABS:
        return {}
    if stem in LAYERS:
        pairs = paired(LAYERS[stem])
        found = pairs.forward + pairs.backward
    else:
        found = optimizer_numbers(stem)
    return {tag.name: [one for one in found if one.tag == tag.name] for tag in tags_of(stem)}


def autograd_of(stem):
    """Return the Autograd of a layer's example; it is empty where there is no layer."""
    if stem not in LAYERS:
        return Autograd([], [], [])
    pairs = paired(LAYERS[stem])
    lines = [(one.tags, one.name, one.value.grad_fn.name()) for one in pairs.run.made
             if one.tags and one.value.grad_fn is not None]  # a mask has none
    gradients = [(one.expression, one.tag) for one in pairs.backward if one.twin is not None]
    return Autograd(lines, pairs.run.walk, gradients)


def given_to(stem):
    """Return what a layer's example gives to both sides: sizes and hyperparameters, and arrays,
    each by name: inputs, parameters, constants and the cotangent. Of an optimizer both are empty.
    """
    if stem not in LAYERS:
        return {}, {}
    n, example, dy = drawn_for(LAYERS[stem])
    arrays = dict(example.inputs) | dict(tree.walk(example.params or ()))
    for name, mask in example.constants.items():
        arrays |= dict(tree.walk(mask, name))
    numbers = {name: value for name, value in example.options.items()
               if isinstance(value, (int, float))}
    return n | numbers, {name: a for name, a in arrays.items() if a is not None} | {"dy": dy}


def paired(layer):
    """Return the Paired of a layer's example."""
    drawn = drawn_for(layer)
    run = torch_run.run(layer, *drawn)
    forward, backward = of_numpy(layer, drawn.example, drawn.dy)
    return Paired(beside(forward, run, False), beside(backward, run, True), run)


def drawn_for(layer):
    """Return the BookExample of a layer: of those that reach every tag, one that shows the most of
    what the layer's examples must show.

    Raises ValueError where none reaches every tag.
    """
    n = sizes(layer.letters, "book") | FEWER.get(layer.stem, {})
    asked = {tag.name for tag in tags_of(layer.stem) if tag.code}
    examples = [layer.example(n, seed) for seed in range(SEEDS)]
    for seed in sorted(range(SEEDS), key=lambda seed: -len(met_by(layer, n, examples[seed]))):
        dy = both.draw_cotangent(layer, examples[seed], seed)
        made = itertools.chain(*of_numpy(layer, examples[seed], dy))
        missed = asked - {tag for one in made for tag in one.tags}
        if not missed:
            return BookExample(n, examples[seed], dy)
    raise ValueError(f"{layer.stem} has no example up to seed {SEEDS - 1} that reaches "
                     f"{', '.join(sorted(missed))}; allowed: a row whose examples do")


def of_numpy(layer, example, dy):
    """Return the Made of NumPy's forward, and those of its backward.

    Memory that nothing was written into yet is NaN in them: what else stands there is chance.
    """
    path = HOUSE / path_of(layer.stem)
    with mock.patch.object(np, "empty_like", lambda a, **how: np.full_like(a, np.nan, **how)):
        (_, cache), forward = made_by(lambda: both.forward(layer, example), path, copied)
    _, backward = made_by(lambda: both.backward(layer, example, dy, cache), path, copied)
    return forward, backward


def beside(made, run, backward):
    """Return the Numbers of what NumPy made, beside torch's values or their gradients."""
    tagged = [(tag, one) for one in made for tag in one.tags]
    found = []
    for (tag, one), twin in zip(tagged, twins(tagged, run, backward)):
        theirs = twin.kept and (twin.kept.tensor.grad if backward else twin.kept.tensor.detach())
        found.append(number(tag, one, theirs, twin.name, twin.why))
    return found
