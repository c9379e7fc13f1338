"""What a cache keeps, in bytes."""

import dataclasses
import inspect

import numpy as np

from reference.tools import tree

from . import both
from .sizes import sizes


def cache_bytes(layer):
    """Return the bytes of a layer's cache in float32 at the laptop's sizes, without dropout."""
    example = unmasked(layer, layer.example(sizes(layer.letters, "laptop"), 0)).astype(np.float32)
    _, cache = both.forward(layer, example)
    return bytes_of(cache, example.params or ())


def unmasked(layer, example):
    """Return an example without the constants that the layer can do without: its masks."""
    given = inspect.signature(layer.numpy.forward).parameters
    return dataclasses.replace(example, constants={
        name: None if given[name].default is None else a for name, a in example.constants.items()})


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
