"""Functions that work element by element: no entry of a result depends on more than its own place.

So they may be computed piece by piece, and are, for speed: on arrays larger than the processor's
cache each operation waits for memory, and a piece stays in the cache from the first to the last.
"""

import functools

import numpy as np

from . import tree
from .arguments import is_plain

PIECE = 2**15  # numbers: a piece and what is made of it, in float32, take less than a megabyte


def elementwise(function):
    """Say of a function that it works element by element, and have it take piece after piece.

    All arrays in its arguments and in its result, which may be trees, have one shape: (...).
    """
    @functools.wraps(function)
    def whole(*arguments):
        first = tree.leaves(arguments)[0]
        if getattr(first, "size", 0) <= PIECE or not alike(arguments):
            return function(*arguments)
        flat = tree.map(np.ravel, arguments)                             # (N,) each
        for start in range(0, first.size, PIECE):
            piece = slice(start, start + PIECE)
            result = function(*tree.map(lambda a: a[piece], flat))       # (PIECE,) each
            if start == 0:
                found = tree.map(lambda a: np.empty(first.shape, a.dtype), result)
            tree.map(lambda a, b: np.copyto(a.reshape(-1)[piece], b), found, result)
        return found
    return whole


def alike(arguments):
    """Whether all are arrays of one shape; others the function sees whole, and may refuse."""
    leaves = tree.leaves(arguments)
    return all(is_plain(leaf) and leaf.shape == leaves[0].shape for leaf in leaves)
