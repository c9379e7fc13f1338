"""Dropout with a mask that is drawn outside, so that it can be shared. Derivation: dropout.md."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from .tools.arguments import check_bools, check_cotangent, check_floats, check_rate


class Cache(NamedTuple):
    keep: Array      # (...)
    rate: float
    dtype: np.dtype  # of the output


def draw_keep(rng, shape, rate):
    """Return a boolean mask from the generator, True with probability 1 - rate."""
    check_rate("rate", rate)
    return rng.random(shape) >= rate


def forward(x, keep, *, rate):
    """Return x / (1 - rate) where keep is True and 0 elsewhere: (...) -> (...).

    Source: Srivastava et al., "Dropout" (2014), in the inverted form: E[y] = x.
    """
    check_floats(x=(x, "..."))
    check_rate("rate", rate)
    check_bools("keep", keep, "where x is kept", x.shape)
    return x * keep / (1 - rate), Cache(keep, rate, x.dtype)     # (...)  DROP-1


def backward(dy, cache):
    """Return dx, exactly 0 where x was dropped: (...) -> (...)."""
    keep, rate, dtype = cache
    check_cotangent("dy", dy, keep.shape, dtype)
    return dy * keep / (1 - rate)                                # (...)  DROP-2
