"""The check: every layer of the table, both implementations, drawn examples, both precisions."""

import itertools
import math
from dataclasses import dataclass, field

import numpy as np

from reference import tree

from . import agree
from .layers import Example

DTYPES = ("float64", "float32")
LARGEST = {"L": 2, "S": 2}  # of the sizes that are drawn; every other letter goes up to 5
LAPTOP = {"B": 12, "T": 64, "H": 4, "D": 32, "C": 128, "I": 128, "O": 128, "V": 65, "L": 4, "S": 1}


@dataclass
class Report:
    """What the checks of one layer found."""

    worst: dict = field(default_factory=dict)     # by (result, dtype): the largest error
    ill: dict = field(default_factory=dict)       # likewise: how many were ill-conditioned
    failures: dict = field(default_factory=dict)  # by (result, dtype): (sizes, seed, error)


def check(layer, examples):
    """Return the Report of one layer over the first `examples` seeds in both precisions."""
    report = Report()
    for dtype, seed in itertools.product(DTYPES, range(examples)):
        sizes = draw_sizes(layer, seed)
        errors, ill = agree.errors(layer, sizes, seed, dtype)
        for name, error in errors.items():
            key = collapse(name), dtype
            well = 0.0 if name in ill else error
            report.worst[key] = max(report.worst.get(key, 0.0), well)
            report.ill[key] = report.ill.get(key, 0) + (name in ill)
            if error > agree.bound(layer, dtype) and key not in report.failures:
                report.failures[key] = smallest_failure(layer, name, sizes, seed, dtype)
    return report


def draw_sizes(layer, seed):
    """Return a size for each letter of the layer, from 1 up."""
    rng = np.random.default_rng([seed, 3])
    return {letter: int(rng.integers(1, LARGEST.get(letter, 5) + 1)) for letter in layer.letters}


def smallest_failure(layer, name, sizes, seed, dtype):
    """Return (sizes, seed, error) of the smallest example up to these sizes that fails."""
    boxes = itertools.product(*(range(1, size + 1) for size in sizes.values()))
    for box in sorted(boxes, key=lambda box: (math.prod(box), box)):
        smaller = dict(zip(sizes, box))
        error = agree.errors(layer, smaller, seed, dtype)[0].get(name, 0.0)
        if error > agree.bound(layer, dtype):
            return smaller, seed, error
    raise RuntimeError(f"{layer.stem}: {name} failed at {sizes} with seed {seed}, then passed")


def collapse(name):
    """Return the name with the number of the block left out: blocks.1.mlp -> blocks.*.mlp."""
    return ".".join("*" if part.isdigit() else part for part in name.split("."))


def cache_bytes(layer, sizes=LAPTOP):
    """Return the bytes that the cache keeps in float32, parameters and inputs' masks apart.

    Arrays that share memory count once, and as the memory they keep alive.
    """
    example = layer.example({letter: sizes[letter] for letter in layer.letters}, 0)
    example = Example(example.inputs, example.params, example.options,
                      dict.fromkeys(example.masks)).astype(np.float32)
    _, cache = agree.forward(layer, example)
    own = {id(root(leaf)) for leaf in tree.leaves(example.params or ())}
    kept = {id(root(leaf)): root(leaf) for leaf in tree.leaves(cache)
            if isinstance(leaf, np.ndarray)}
    return sum(array.nbytes for key, array in kept.items() if key not in own)


def root(array):
    """Return the array that owns the memory of a view."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def print_table(layers, examples):
    """Check the layers, print the table, and return whether every row passed."""
    print(f"relative error, NumPy against torch, the largest of {examples} drawn examples a row\n")
    print(f"{'layer':<14}{'result':<34}{'float64':>9}{'float32':>9}{'ill':>9}{'cache bytes':>13}")
    failures = []
    for layer in layers:
        report = check(layer, examples)
        stem, kept = layer.stem, f"{cache_bytes(layer):,}"
        for name in dict.fromkeys(name for name, _ in report.worst):
            cells = [f"{report.worst[name, dtype]:.1e}" for dtype in DTYPES]
            ill = " + ".join(str(report.ill[name, dtype]) for dtype in DTYPES)
            verdict = "" if not any((name, d) in report.failures for d in DTYPES) else "  FAILS"
            row = f"{stem:<14}{name:<34}{cells[0]:>9}{cells[1]:>9}{ill:>9}{kept:>13}{verdict}"
            print(row.rstrip())
            stem, kept = "", ""
        allowed = ", ".join(f"{agree.bound(layer, dtype):.0e} in {dtype}" for dtype in DTYPES)
        failures += [
            f"{layer.stem}: {name} in {dtype} is off by {error:.1e}; allowed: {allowed}. Smallest "
            f"example: {', '.join(f'{k} = {v}' for k, v in sizes.items())}, seed {seed}"
            for (name, dtype), (sizes, seed, error) in report.failures.items()]
    print(LEGEND)
    print("\n".join(failures) if failures else "every output and every gradient agrees")
    return not failures


LEGEND = f"""
allowed: 1e-12 in float64 and 1e-5 in float32; for the whole model 1e-11 and 1e-4
ill: of the examples in float64 + float32, those so ill-conditioned that rounding alone is above
     the allowed error; they are held to {agree.ROUNDINGS} times the rounding of torch's result instead
cache bytes: in float32 with B = 12, T = 64, C = 128, H = 4, V = 65, L = 4, no dropout
"""
