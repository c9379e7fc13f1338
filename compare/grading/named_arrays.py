"""Functions that write their results into arrays they are given, as a layer in C does.

Each argument is known by its name: inp, weight, out, B, T; a d before it stands for its gradient,
which is added to what the array holds. What has no such name is a place for the forward to leave
something for the backward in.
"""

import inspect
import math

import numpy as np

from ..apart import Problem
from .readings import INPUTS, OUTPUTS, by_kind

SIZES = {"OC": "O", "NH": "H", "Vp": "V"}


def run_into_arrays(forward, backward, case, reading, dy):
    """Return (output, gradients by name) of two such functions."""
    inputs, params = reading.given(case)
    names = list(inspect.signature(forward).parameters)
    if one_axis := "N" in names and not {"B", "T", "C"} & {*names}:  # element by element
        inputs, dy = {name: a.ravel() for name, a in inputs.items()}, dy.ravel()
    if not names or names[0].lower() not in OUTPUTS:
        raise Problem("forward does not begin with the array for its output")
    leaf_of = by_kind(names, list(params))
    known = dict(inputs) | {name: params[leaf] for name, leaf in leaf_of.items()}
    first, lead = next(iter(inputs)), (math.prod(case.lead),) if reading.rows else case.lead
    known |= {name: inputs[first] for name in names if name.lower() in INPUTS}
    known |= {name: size for name in names if (size := size_of(name, case)) is not None}
    known |= {"N": dy.size} if one_axis else {}
    known |= {name: np.zeros(lead if name != names[0] else dy.shape)
              for name in names if name not in known}
    forward(**{name: known[name] for name in names})
    gradients = {}
    for name in inspect.signature(backward).parameters:
        what = name.removeprefix("d")
        if name in known:
            continue
        known[name] = dy if what == names[0] else np.zeros(np.shape(known.get(what, dy)))
        if what != names[0] and what in known:
            gradients[leaf_of.get(what, first if what.lower() in INPUTS else what)] = known[name]
    backward(**{name: known[name] for name in inspect.signature(backward).parameters})
    if one_axis:
        return known[names[0]].reshape(case.dy.shape), {
            name: a.reshape(case.example.inputs[name].shape) for name, a in gradients.items()}
    return known[names[0]], gradients


def size_of(name, case):
    """Return the size that the name of an argument stands for, None if it stands for none."""
    sizes = dict(case.sizes)
    sizes.setdefault("C", sizes["I"] if "I" in sizes else sizes.get("H", 0) * sizes.get("D", 0))
    sizes["N"] = math.prod(case.lead)
    return sizes.get(SIZES.get(name, name)) or None
