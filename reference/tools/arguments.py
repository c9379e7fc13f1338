"""Checks of arguments: one clear sentence for what would otherwise be silently wrong."""

import functools

import numpy as np

FLOATS = (np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.complex128))


def check_floats(**arguments):
    """Refuse arrays that are not of one float dtype or whose shapes do not fit together.

    Each argument is a pair (array, axes): one letter an axis, "..." for any leading axes; one
    letter stands for one size throughout, as in x=(x, "...I"), weight=(p.weight, "OI").
    Raises TypeError for a dtype, ValueError for a shape.
    """
    _check_floats(tuple([(name, getattr(array, "dtype", type(array).__name__),
                          getattr(array, "shape", ()), axes)
                         for name, (array, axes) in arguments.items()]))


@functools.lru_cache(1024)  # each step asks the same again
def _check_floats(arguments):
    dtype, sizes = None, {}
    for name, found, shape, axes in arguments:
        if found not in FLOATS:
            raise TypeError(f"{name} has dtype {found}; allowed: float32, float64 or complex128")
        if dtype is None:
            dtype, first = found, name
        if found != dtype:
            raise TypeError(f"{name} has dtype {found}; allowed: {dtype}, the dtype of {first}")
        letters = axes.lstrip(".")
        lead = len(shape) - len(letters)
        fits = lead >= 0 if letters != axes else lead == 0
        if not fits or any(sizes.setdefault(letter, size) != size
                           for letter, size in zip(letters, shape[lead:])):
            raise ValueError(f"{name} has shape {shape}; allowed: {_spell(axes, sizes)}")


def check_ids(name, ids, limit):
    """Refuse ids that are not integers from 0 to limit - 1 (NumPy would wrap a negative one).

    Raises TypeError for a dtype, ValueError for an empty array, IndexError for an id out of range.
    """
    kind = getattr(getattr(ids, "dtype", None), "kind", "")
    if not kind or kind not in "iu":
        found = getattr(ids, "dtype", type(ids).__name__)
        raise TypeError(f"{name} has dtype {found}; allowed: a NumPy array of integers")
    if ids.size == 0:
        raise ValueError(f"{name} has shape {ids.shape}; allowed: at least one id")
    low, high = ids.min(), ids.max()
    if low < 0 or high >= limit:
        wrong = low if low < 0 else high
        raise IndexError(f"{name} holds the id {wrong}; allowed: 0 to {limit - 1}")


def check_rate(name, rate):
    """Refuse a dropout rate outside [0, 1) with a ValueError."""
    if not 0 <= rate < 1:
        raise ValueError(f"{name} is {rate}; allowed: 0 <= {name} < 1")


def check_finite(name, values, *, above=-np.inf):
    """Refuse values that are NaN, infinite or not above a limit with a FloatingPointError."""
    right = np.isfinite(values)
    if above > -np.inf:
        right &= values.real > above
    if not right.all():
        wrong = np.asarray(values)[~right]
        allowed = "finite numbers" if above == -np.inf else f"finite numbers above {above}"
        raise FloatingPointError(f"{name} is {wrong[0]}; allowed: {allowed}")


def _spell(axes, sizes):
    known = ", ".join(f"{letter} = {size}" for letter, size in sizes.items() if letter in axes)
    shape = ", ".join(axes.replace("...", ".")).replace(".", "...")
    return f"({shape}{',' if len(axes) == 1 else ''}){' with ' + known if known else ''}"
