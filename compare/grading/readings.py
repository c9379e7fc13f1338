"""How somebody's layer may be written: what a reading of it gives and takes in another form.

A file that does not run as our own layers do, or whose output is another one, is tried in these
readings on one example whose sizes all differ. The first that has our output is the one to grade.
"""

import itertools
import math
import re
from typing import NamedTuple

import numpy as np

from reference.tools import tree

from ..layers import both
from .cases import is_bias

KINDS = {  # what people call a weight and a bias, in any case, with or without a number behind it
    "weight": {"w", "weight", "weights", "gamma", "g", "gain", "scale", "scaler", "kernel"},
    "bias": {"b", "bias", "biases", "beta", "shift", "intercept", "w0"}}
OUTPUTS = {"out", "output", "y", "o"}
INPUTS = {"x", "inp", "input", "inputs", "a", "h"}
OTHER_NAMES = {"eps": {"epsilon"}, "n_head": {"n_heads", "num_heads", "nh", "heads"}}


class Reading(NamedTuple):
    """How a file is read; as it stands, if nothing is guessed."""

    form: str = "as given"  # or another of FORMS
    turned: bool = False    # weights are (in, out)
    rows: bool = False      # inputs have two axes: B and T are one
    bare: bool = False      # there is no bias
    tensors: bool = False   # of torch, in place of arrays

    def words(self):
        """Return what was guessed, in words."""
        said = {"by name": "the parameters come by their names",
                "into arrays": "results are written into the arrays that are given",
                "object": "parameters and gradients are attributes of an object",
                "loss and gradient": "forward returns the loss and its gradient, for a dloss of 1"}
        return [words for words, holds in (
            (said.get(self.form), self.form in said), ("weights are (in, out)", self.turned),
            ("inputs are rows, with two axes", self.rows),
            ("its arrays are tensors of torch", self.tensors),
            ("there is no bias: ours is 0, and its gradient is not asked for", self.bare)) if holds]

    def given(self, case):
        """Return (inputs, parameters) of a case, arrays by name, as the file wants them."""
        params = dict(tree.walk(case.example.params or ()))
        return ({name: self.in_rows(a, case.lead) for name, a in case.example.inputs.items()},
                {name: a.T.copy() if self.turned and is_matrix(name, a) else a
                 for name, a in params.items() if not (self.bare and is_bias(name))})

    def in_rows(self, array, lead):
        """Return an array, its axes that count examples in one if the reading has rows."""
        if not self.rows or array.shape[: len(lead)] != lead:
            return array
        return array.reshape(math.prod(lead), *array.shape[len(lead):])

    def ours(self, array, name, truth, lead):
        """Return a result of the file in our shape, where it has the one of this reading."""
        array = np.asarray(array)
        if self.turned and is_matrix(name, truth) and array.shape == truth.shape[::-1]:
            return array.T
        in_rows = self.rows and array.shape == self.in_rows(truth, lead).shape
        one_row = (self.rows or self.form == "object") and array.shape == (1, *truth.shape)
        return array.reshape(truth.shape) if in_rows or one_row else array


FORMS = "as given", "by name", "into arrays", "object", "loss and gradient"
READINGS = sorted((Reading(form, *guessed) for form in FORMS
                   for guessed in itertools.product((False, True), repeat=4)),
                  key=lambda reading: (reading.tensors, sum(reading[1:]),
                                       FORMS.index(reading.form)))


def is_matrix(name, array):
    """Whether a parameter, or the gradient of one, is the matrix of a linear layer."""
    is_table = "token" in name or "position" in name
    return name.endswith("weight") and array.ndim == 2 and not is_table


def kind_of_leaf(name):
    """Return "weight" or "bias": what a parameter of ours is."""
    return name.rpartition(".")[2]


def kind_of_name(name):
    """Return (kind, number) of a name that somebody gave a parameter: W1 is ("weight", 1)."""
    words = [name.lower(), re.sub(r"^(grad_?|d_?(?=[a-z]))|_?grad$", "", name.lower())]
    for word in words:
        for kind, names in KINDS.items():
            if word in names:
                return kind, 0
    for word in words:
        stem, number = re.fullmatch(r"(.*?)_?(\d*)", word).groups()
        parts = {stem, stem.partition("_")[0], stem.rpartition("_")[2]}  # W_qkv, qkv_weight
        for kind, names in KINDS.items():
            if parts & names:
                return kind, int(number or 0)
    return None, 0


def by_kind(names, leaves):
    """Return {name: leaf} for the names that somebody gave the leaves, those of a kind in the order
    of their numbers; a leaf's own name is itself."""
    found = {name: name for name in names if name in leaves}
    for kind in KINDS:
        ours = [leaf for leaf in leaves if kind_of_leaf(leaf) == kind and leaf not in found]
        theirs = [name for name in names if name not in found and kind_of_name(name)[0] == kind]
        theirs.sort(key=lambda name: kind_of_name(name)[1])
        found |= dict(zip(theirs, ours))
    return found


class ByName(dict):
    """Parameters under whatever names they are asked for, as keys or as attributes."""

    def __missing__(self, name):
        kind, number = kind_of_name(name)
        leaves = [leaf for leaf in self if kind_of_leaf(leaf) == kind]
        if not 0 <= max(number - 1, 0) < len(leaves):
            raise KeyError(name)
        return self[leaves[max(number - 1, 0)]]

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def flat(grads, leaves):
    """Yield the arrays in a nest of tuples, lists and dicts; a list of numbers is one."""
    if isinstance(grads, dict):
        order = by_kind(list(grads), leaves)
        first = [name for name in grads if name not in order]
        last = sorted(order, key=lambda name: leaves.index(order[name]))
        grads = [grads[name] for name in first + last]
    if isinstance(grads, (tuple, list)) and not is_numbers(grads):
        for part in grads:
            yield from flat(part, leaves)
    else:
        yield grads


def is_numbers(value):
    """Whether a value is a list of plain numbers, or of such lists: an array written as one."""
    return isinstance(value, list) and len(value) > 0 and all(
        isinstance(part, (float, int)) or is_numbers(part) for part in value)


def asked(case):
    """Return the names of the gradients that a case asks for, in their order."""
    params = dict(tree.walk(case.example.params or ()))
    return [*both.differentiable(case.example),
            *(name for name in params if not (case.bare and is_bias(name)))]
