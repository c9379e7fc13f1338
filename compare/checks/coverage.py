"""The guard against checks that prove nothing: what a set of drawn examples has shown."""

import collections

import numpy as np

from ..layers import both

ABOUT_ZERO = 1e-3  # gradients are O(1) here: where all are smaller, a wrong one would pass
SHARE = 1 / 4      # of a result's examples that must be above that; at least 0.4 of those drawn are


class Coverage:
    """Collects the examples of one check of a layer; `missing` says what they never showed."""

    def __init__(self, layer, oracle=None):
        self.layer, self.oracle = layer, oracle
        self.met = set()                  # names of the layer's predicates that held
        self.seen = collections.Counter()   # by result: the examples that have it
        self.above = collections.Counter()  # by result: those of them where it is not about zero
        self.count = 0

    def add(self, sizes, example, truth):
        """Take note of one example and of its true Outcome."""
        self.count += 1
        self.met |= met_by(self.layer, sizes, example)
        for name, array in both.named(truth).items():
            self.seen[name] += 1
            self.above[name] += bool(np.abs(array).max() >= ABOUT_ZERO)

    def unmet(self):
        """Return what the layer's examples must show and these never did."""
        return [name for name in self.layer.shows if name not in self.met]

    def about_zero(self):
        """Return the results that were about zero in too many examples."""
        return [name for name, seen in self.seen.items() if self.above[name] < SHARE * seen]

    def missing(self):
        """Return a sentence for each reason why the examples prove nothing; none is good."""
        stem, before = self.layer.stem, f" before the oracle {self.oracle}" if self.oracle else ""
        return ([f"{stem}: {name} was above {ABOUT_ZERO:g} in {self.above[name]} of "
                 f"{self.seen[name]} drawn examples{before}; allowed: a quarter of them or more"
                 for name in self.about_zero()]
                + [f"{stem}: never met: {name}, in any of {self.count} drawn examples{before}; "
                   "draw more" for name in self.unmet()])


def met_by(layer, sizes, example):
    """Return what an example shows, of what a layer's must."""
    return {name for name, holds in layer.shows.items() if holds(sizes, example)}
