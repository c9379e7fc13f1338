"""The guard against checks that prove nothing: what a set of drawn examples has shown."""

import numpy as np

from . import agree

ABOUT_ZERO = 1e-3  # gradients are O(1) here: where all are smaller, a wrong one would pass


class Coverage:
    """Collects the examples of one check of a layer; `missing` says what they never showed."""

    def __init__(self, layer):
        self.layer = layer
        self.shown = set()  # names of the layer's predicates that held
        self.largest = {}   # by result: the largest entry of any true one
        self.count = 0

    def add(self, sizes, example, truth):
        """Take note of one example and of its true Outcome."""
        self.count += 1
        self.shown |= {name for name, holds in self.layer.shows.items() if holds(sizes, example)}
        for name, array in agree.named(truth).items():
            self.largest[name] = max(self.largest.get(name, 0.0), float(np.abs(array).max()))

    def unmet(self):
        """Return what the layer's examples must show and these never did."""
        return [name for name in self.layer.shows if name not in self.shown]

    def about_zero(self):
        """Return the results that were about zero throughout."""
        return [name for name, size in self.largest.items() if size < ABOUT_ZERO]

    def missing(self):
        """Return a sentence for each reason why the examples prove nothing; none is good."""
        stem, among = self.layer.stem, f"in any of {self.count} drawn examples; draw more"
        return ([f"{stem}: {name} was never above {ABOUT_ZERO:g} {among}"
                 for name in self.about_zero()]
                + [f"{stem}: never met: {name}, {among}" for name in self.unmet()])
