"""The examples on which a student's backward is graded, the smallest first."""

import functools
import itertools
import math
from dataclasses import dataclass

import numpy as np

from reference.tools import tree

from ..layers import both
from ..layers.sizes import LETTERS, draw_sizes, in_words
from ..layers.row import Example, Layer

SMALL, DRAWN, PLAIN = 28, 14, 6  # of sizes 1 to 3; of any size; with every norm's weight at 1


@dataclass(frozen=True, eq=False)
class Case:
    """One example to grade, by what draws it."""

    layer: Layer
    sizes: dict
    seed: int
    plain: bool = False  # every norm's weight at 1: there some wrong gradients are right

    @functools.cached_property
    def example(self):
        """The example, in float64."""
        drawn = self.layer.example(self.sizes, self.seed)
        if not self.plain:
            return drawn
        named = {name: np.ones_like(a) if is_scale(name, a) else a
                 for name, a in tree.walk(drawn.params)}
        return Example(drawn.inputs, tree.unwalk(drawn.params, named), drawn.options, drawn.masks)

    @functools.cached_property
    def dy(self):
        """The cotangent."""
        return both.draw_cotangent(self.layer, self.example, self.seed)

    @functools.cached_property
    def truth(self):
        """The right results by name: "output", "d x" ..."""
        return both.named(both.run_numpy(self.layer, self.example, self.dy))

    @property
    def place(self):
        """The sizes in words."""
        return in_words(self.sizes)


def cases(layer):
    """Return the cases of a layer, the smallest first."""
    boxes = itertools.product(*(range(1, 1 + min(3, LETTERS[letter].drawn))
                                for letter in layer.letters))
    small = sorted(boxes, key=lambda box: (math.prod(box), sum(box), box))[: SMALL]
    small = [dict(zip(layer.letters, box)) for box in small]
    drawn = [draw_sizes(layer.letters, seed) for seed in range(DRAWN)]
    drawn.sort(key=lambda sizes: math.prod(sizes.values()))
    found = [Case(layer, sizes, seed) for seed, sizes in enumerate(small + drawn)]
    params = found[0].example.params or ()
    if any(is_scale(name, a) for name, a in tree.walk(params)):
        found += [Case(layer, case.sizes, case.seed, True) for case in found[-PLAIN:]]
    return found


def is_scale(name, array):
    """Whether a parameter is the scale of a norm."""
    return name.endswith("weight") and array.ndim == 1
