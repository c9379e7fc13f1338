"""An array of NumPy's beside torch's."""

from typing import Any, NamedTuple

import numpy as np


class Number(NamedTuple):
    """What a tagged line made, beside torch's value of the same thing, in NumPy's shape."""

    tag: str
    name: str
    value: np.ndarray
    before: Any        # what the array was before the line changed it in place; None elsewhere
    twin: Any          # torch's, or None
    expression: str    # how torch's code calls it: "h", "x.grad"
    difference: Any    # the largest, of two entries; None without a twin
    why: str           # there is no twin; empty with one


def copied(value):
    """Return a copy of an array or a number; None for all else."""
    return np.array(value) if isinstance(value, (np.ndarray, np.generic, float)) else None


def number(tag, made, theirs, expression, why):
    """Return the Number of a Made beside a tensor or a number of torch's, or beside None."""
    if theirs is None:
        return Number(tag, made.name, made.value, made.before, None, "", None, why)
    twin = np.asarray(theirs).reshape(made.value.shape).copy()
    return Number(tag, made.name, made.value, made.before, twin, expression,
                  largest_difference(made.value, twin), "")


def largest_difference(ours, theirs):
    """Return the largest difference of two entries; that of equal infinities is 0."""
    with np.errstate(invalid="ignore"):
        apart = np.where(ours == theirs, 0.0, np.abs(ours - theirs))
    return float(apart.max())
