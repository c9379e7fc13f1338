"""How often the arrays of AdamW travel to memory and back, in its plain form and in place.

Both run on arrays that note each operation on them, and the line of code that it stands in.
"""

import re
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from reference import adamw
from reference.fast.fused_adamw import FusedAdamW

from ...layers.source import path_of, read, tags


class Operation(NamedTuple):
    """One operation on whole arrays."""

    name: str     # of the line: its tag, and what it makes
    inputs: list  # the arrays that it reads
    output: Array


class Trips(NamedTuple):
    """What an operation reads and writes: whether it is in memory, or else in the cache."""

    name: str
    reads: list
    writes: list


class Watched(np.ndarray):
    """An array that notes the operations on it, in `operations` of the class.

    An operation is a ufunc of NumPy. The norm of the gradients, a np.vdot, is none.
    """

    operations = []

    def __array_ufunc__(self, ufunc, method, *inputs, out=None):
        plain = [np.asarray(a) for a in inputs]
        result = getattr(ufunc, method)(*plain, out=out and tuple(np.asarray(a) for a in out))
        read_here = {_pointer(a): a for a in plain if a.ndim}  # g * g reads g once
        frame = sys._getframe(1)
        self.operations.append(Operation(_name_of(frame), list(read_here.values()), result))
        return out[0] if out else result.view(Watched)


def plain_trips():
    """Return the Trips of an update as adamw.py makes it."""
    p, grads, state = _watched_example()
    Watched.operations = []
    clipped, _ = adamw.clip(grads, 1.0)
    adamw.update(p, clipped, state, lr=0.1)
    return [Trips(op.name, [True] * len(op.inputs), [True]) for op in Watched.operations]


def fused_trips():
    """Return the Trips of an update of one piece in place.

    An array of the model is fetched when it is first read, and put back when it is last written.
    """
    p, grads, _ = _watched_example()
    optimizer = FusedAdamW(p)
    optimizer.flat = optimizer.flat.view(Watched)
    Watched.operations = []
    clipped, _ = optimizer.clip(grads, 1.0)
    optimizer.update(optimizer.params, clipped, optimizer.state, lr=0.1)
    return _trips_in_place(Watched.operations, {_pointer(a) for a in (*grads, *optimizer.flat)})


def _trips_in_place(operations, model):
    """Return the Trips of operations on a piece of the arrays of a model, known by pointers."""
    found, cached = [], set()
    for i, op in enumerate(operations):
        later = {_pointer(other.output) for other in operations[i + 1:]}
        reads = [_pointer(a) in model - cached for a in op.inputs]
        cached |= set(map(_pointer, op.inputs))
        found.append(Trips(op.name, reads, [_pointer(op.output) in model - later]))
    return found


def _watched_example():
    """Return a matrix, its gradient and AdamW's state, as trees of Watched arrays."""
    p, grads = (((np.ones((2, 3)) * size).view(Watched),) for size in (1, 2))
    return p, grads, adamw.init(p)


def _pointer(array):
    return array.__array_interface__["data"][0]


def _name_of(frame):
    """Return the tag of the line that runs, and what it makes."""
    path = path_of(Path(frame.f_code.co_filename).stem)
    for line in read(path).splitlines()[frame.f_lineno - 1:]:
        if tags(line):
            made = re.match(r" *(\w+) \W?= ", line)
            return f"{tags(line)[0]} `{made[1] if made else 'p'}`"
        if not line.strip():  # the function is over
            return frame.f_code.co_qualname.partition(".")[0] + " `g`"
