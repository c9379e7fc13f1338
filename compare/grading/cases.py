"""The examples on which a student's backward is graded, the smallest first."""

import dataclasses
import functools
import inspect
import itertools
import math

import numpy as np

from reference.tools import tree

from ..layers import both
from ..layers.sizes import LETTERS, draw_sizes, in_words
from ..layers.row import Example, Layer

SMALL, DRAWN, PLAIN = 28, 14, 6  # of sizes 1 to 3; of any size; with every norm's weight at 1
USUAL = 3   # of every 5 that are drawn: with the options at their defaults, as most code has them
ABOVE = 4   # by how much the sizes of the one large case are above those that are drawn; but for
            # L: the results of one more block would be in that case alone
ABOVE_IN_A_MODEL = 1  # whose forwards are dear
EXTREME = [0.0, 800.0, 3.0]  # exp(-800) is 0


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """One example to grade, by what draws it."""

    layer: Layer
    sizes: dict
    seed: int
    plain: bool = False  # every norm's weight at 1: there some wrong gradients are right
    usual: bool = False  # every option at its default, no mask
    bare: bool = False   # every bias at 0, and its gradient not asked for
    extreme: bool = False  # every row of the input is EXTREME: a probability of 0

    @functools.cached_property
    def example(self):
        """The example, in float64."""
        drawn = self.layer.example(self.sizes, self.seed)
        if self.extreme:
            return extreme_example(drawn)
        if self.usual:
            drawn = with_defaults(self.layer, drawn)
        if not (self.plain or self.bare) or drawn.params is None:
            return drawn
        named = {name: np.ones_like(a) if self.plain and is_scale(name, a)
                 else np.zeros_like(a) if self.bare and is_bias(name) else a
                 for name, a in tree.walk(drawn.params)}
        params = tree.unwalk(drawn.params, named)
        return Example(drawn.inputs, params, drawn.options, drawn.constants)

    @functools.cached_property
    def ran(self):
        """What the reference's forward makes of the example: (y, cache)."""
        return both.forward(self.layer, self.example)

    @functools.cached_property
    def dy(self):
        """The cotangent."""
        return both.cotangent_like(self.ran[0], self.seed)

    @functools.cached_property
    def whole_truth(self):
        """All right results by name: "output", "d x" ..."""
        y, cache = self.ran
        return both.named(both.Outcome(y, both.backward(self.layer, self.example, self.dy, cache)))

    @functools.cached_property
    def truth(self):
        """The right results of those that are asked for."""
        return {name: array for name, array in self.whole_truth.items()
                if not (self.bare and is_bias(name))}

    @property
    def lead(self):
        """The axes of the first input that count examples: all but the last; none of ids."""
        first = next(iter(self.example.inputs.values()))
        return first.shape[:-1] if first.dtype.kind == "f" else ()

    @property
    def flags(self):
        """The names of the fields that say of what kind it is, and that are so: "plain" ..."""
        return [field.name for field in dataclasses.fields(self)
                if getattr(self, field.name) is True]

    @property
    def key(self):
        """What tells it from every other case of its layer, in words."""
        return ", ".join([in_words(self.sizes), f"seed {self.seed}", *self.flags])

    @property
    def place(self):
        """The sizes in words."""
        return in_words(self.sizes) + f" with rows of {EXTREME}" * self.extreme


def cases(layer):
    """Return the cases of a layer, the smallest first, then those with plain norms."""
    boxes = itertools.product(*(range(1, 1 + min(3, LETTERS[letter].drawn))
                                for letter in layer.letters))
    small = sorted(boxes, key=lambda box: (math.prod(box), sum(box), box))[: SMALL]
    small = [dict(zip(layer.letters, box)) for box in small]
    drawn = [draw_sizes(layer.letters, seed) for seed in range(DRAWN)]
    drawn.sort(key=lambda sizes: math.prod(sizes.values()))
    above = ABOVE_IN_A_MODEL if layer.whole_model else ABOVE
    large = {letter: LETTERS[letter].drawn + above * (letter != "L") for letter in layer.letters}
    found = [Case(layer, sizes, seed, usual=seed % 5 < USUAL)
             for seed, sizes in enumerate([*small, *drawn, large])]
    if layer.stem in ("softmax", "cross_entropy"):
        sizes = dict.fromkeys(layer.letters, 1) | dict.fromkeys({*layer.letters} & {*"TV"}, 3)
        found.insert(len(small), Case(layer, sizes, len(found), extreme=True))
    params = found[0].example.params or ()
    if any(is_scale(name, a) for name, a in tree.walk(params)):
        found += [dataclasses.replace(case, plain=True) for case in found[-1 - PLAIN : -1]]
    return found


def with_defaults(layer, example):
    """Return an example with forward's default options, no mask, no ignored target."""
    given = inspect.signature(layer.numpy.forward).parameters
    inputs = dict(example.inputs)
    if "ignore_index" in example.options:
        inputs["targets"] = np.maximum(inputs["targets"], 0)
    return Example(inputs, example.params, *(
        {name: value if given[name].default is inspect.Parameter.empty else given[name].default
         for name, value in options.items()} for options in (example.options, example.constants)))


def extreme_example(drawn):
    """Return an example whose rows are EXTREME, and whose targets, if any, are each once."""
    inputs = {name: np.broadcast_to(np.array(EXTREME, a.dtype), a.shape).copy()
              if a.dtype.kind == "f" else np.arange(a.size).reshape(a.shape)
              for name, a in drawn.inputs.items()}
    options = drawn.options | ({"ignore_index": -100} if "targets" in drawn.inputs else {})
    return Example(inputs, drawn.params, options, dict.fromkeys(drawn.constants))


def is_scale(name, array):
    """Whether a parameter is the scale of a norm."""
    return name.endswith("weight") and array.ndim == 1


def is_bias(name):
    """Whether a parameter, or the gradient of one, is a bias."""
    return name.rpartition(".")[2].removeprefix("d ") == "bias"
