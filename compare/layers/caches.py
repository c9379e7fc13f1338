"""What a cache keeps, in bytes."""

import numpy as np

from reference.tools import tree

from . import both
from .sizes import sizes


def cache_bytes(layer):
    """Return the bytes of a layer's cache in float32 at the laptop's sizes, without dropout."""
    example = layer.example(sizes(layer.letters, "laptop"), 0).unmasked().astype(np.float32)
    _, cache = both.forward(layer, example)
    return bytes_of(cache, example.params or ())


def bytes_of(cache, params):
    """Return the bytes that a cache keeps, those of the parameters not counted.

    Arrays that share memory count once, and as the memory they keep alive.
    """
    own = {id(root(leaf)) for leaf in tree.leaves(params)}
    kept = {id(root(leaf)): root(leaf) for leaf in tree.leaves(cache)
            if isinstance(leaf, np.ndarray)}
    return sum(array.nbytes for key, array in kept.items() if key not in own)


def root(array):
    """Return the array that owns the memory of a view."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array
