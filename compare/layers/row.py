"""A row of the table: a layer, and one example of it."""

from dataclasses import dataclass, field
from typing import Any, Callable

import numpy as np

from reference.tools import tree

from .sizes import LETTERS
from .source import module_of


@dataclass(frozen=True)
class Example:
    """One drawn input: forward(*inputs, params, **options, **constants) on the NumPy side."""

    inputs: dict                                 # arrays by argument name, in argument order
    params: Any = None                           # a tree, or None for a layer without any
    options: dict = field(default_factory=dict)  # hyperparameters
    constants: dict = field(default_factory=dict)  # arrays without a gradient: masks, a reference's

    def astype(self, dtype):
        """Return the same example with its floats in another dtype."""
        def cast(a):
            return a.astype(dtype) if a.dtype.kind in "fc" else a
        return Example({name: cast(a) for name, a in self.inputs.items()},
                       self.params and tree.map(cast, self.params), self.options,
                       {name: cast(a) if is_values(a) else a for name, a in self.constants.items()})


def is_values(constant):
    """Whether a constant is numbers, not masks: one boolean array, a tree of them, or None."""
    return isinstance(constant, np.ndarray) and constant.dtype != bool


@dataclass(frozen=True)
class Layer:
    """A row: how to draw an example of the layer, and how to build its torch module."""

    stem: str
    letters: str                                    # the dimensions that are drawn
    draw: Callable[[np.random.Generator, dict], Example]
    module: Callable[[dict, Example], Any]          # an nn.Module
    shows: dict                                     # predicates (sizes, example) by name
    whole_model: bool = False
    overflows: bool = False                         # whether it refuses float32 activations of 1e20
    least: dict = field(default_factory=dict)       # by letter: below, float32 isn't held to torch
    most: dict = field(default_factory=dict)        # likewise: above, it would take too long

    def __post_init__(self):
        for letter in self.letters:
            if letter not in LETTERS:
                raise ValueError(f"letters of {self.stem} holds {letter}; allowed: "
                                 f"{', '.join(LETTERS)}, or a new row in compare/layers/sizes.py")

    @property
    def numpy(self):
        """The layer's module in reference/."""
        return module_of(self.stem)

    def example(self, sizes, seed):
        """Return the float64 example of these sizes, by letter, that the seed draws."""
        return self.draw(np.random.default_rng(seed), sizes)


def above_1(*letters):
    """Predicates that hold where a size is above 1."""
    return {f"{letter} > 1": lambda n, e, letter=letter: n[letter] > 1 for letter in letters}
