"""Checks of arguments: one clear sentence for what would otherwise be silently wrong."""

import functools

import numpy as np

FLOATS = (np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.complex128))
ARRAYS = (np.ndarray, np.memmap)  # other subclasses compute otherwise: * of a matrix is @


def is_plain(array):
    """Whether it is an array, in memory or in a file, or a NumPy number; not a list, say."""
    return type(array) in ARRAYS or isinstance(array, np.generic)


def check_floats(**arguments):
    """Refuse arrays that are not of one float dtype or whose shapes do not fit together.

    Each argument is a pair (array, axes): one letter an axis, "..." for any leading axes; one
    letter stands for one size throughout, as in x=(x, "...I"), weight=(p.weight, "OI").
    Raises TypeError for a dtype, ValueError for a shape.
    """
    _check_floats(tuple([(name, _dtype(array), array.shape if is_plain(array) else (), axes)
                         for name, (array, axes) in arguments.items()]))


@functools.lru_cache(1024)  # each step asks the same again
def _check_floats(arguments):
    dtype, sizes = None, {}
    for name, found, shape, axes in arguments:
        if isinstance(found, str) or found not in FLOATS:  # "float" equals one of them
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


def check_cotangent(name, dy, shape, dtype, *, number=False):
    """Refuse a cotangent whose shape or dtype is not its output's, even if it would broadcast.

    With number=True a Python float or int will do as well.
    Raises TypeError for a dtype, ValueError for a shape.
    """
    if number and type(dy) in (float, int):
        return
    found = _dtype(dy)
    if isinstance(found, str) or found != dtype:
        raise TypeError(f"{name} has dtype {found}; allowed: {dtype}, the dtype of the output")
    if dy.shape != shape:
        raise ValueError(f"{name} has shape {dy.shape}; allowed: {shape}, the shape of the output")


def check_bools(name, array, true, shape=None):
    """Refuse what is not an array of bools, True meaning `true`, or has not the given shape.

    Raises TypeError for a dtype, ValueError for a shape.
    """
    _check_kind(name, array, "b", f"bool, True {true}", shape)


def check_integers(name, array, shape=None):
    """Refuse what is not an array of integers or has not the given shape.

    Raises TypeError for a dtype, ValueError for a shape.
    """
    _check_kind(name, array, "iu", "a NumPy array of integers", shape)


def check_ids(name, ids, limit):
    """Refuse ids that are not integers from 0 to limit - 1 (NumPy would wrap a negative one).

    Raises TypeError for a dtype, ValueError for an empty array, IndexError for an id out of range.
    """
    check_integers(name, ids)
    if ids.size == 0:
        raise ValueError(f"{name} has shape {ids.shape}; allowed: at least one id")
    low, high = ids.min(), ids.max()
    if low < 0 or high >= limit:
        wrong = low if low < 0 else high
        raise IndexError(f"{name} holds the id {wrong}; allowed: 0 to {limit - 1}")


def check_config(config, **sizes):
    """Refuse a config with another size than the parameters have, by name, with a ValueError."""
    for name, size in sizes.items():
        if getattr(config, name) != size:
            raise ValueError(f"config.{name} is {getattr(config, name)}; allowed: {size}, "
                             "as in the parameters")


def check_rate(name, rate):
    """Refuse a dropout rate outside [0, 1) with a ValueError."""
    if not 0 <= rate < 1:
        raise ValueError(f"{name} is {rate}; allowed: 0 <= {name} < 1")


def check_positive(name, value):
    """Refuse a number that is not above 0, or not finite, with a ValueError."""
    if not 0 < value < np.inf:
        raise ValueError(f"{name} is {value}; allowed: a finite number above 0")


def check_some(name, array):
    """Refuse an array without entries with a ValueError: a mean over it would be 0/0."""
    if array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}; allowed: at least one entry")


def check_finite(name, values, *, above=-np.inf):
    """Refuse values that are NaN, infinite or not above a limit with a FloatingPointError."""
    right = np.isfinite(values)
    if above > -np.inf:
        right &= values.real > above
    if not right.all():
        wrong = np.asarray(values)[~right]
        allowed = "finite numbers" if above == -np.inf else f"finite numbers above {above}"
        raise FloatingPointError(f"{name} is {wrong[0]}; allowed: {allowed}")


def _check_kind(name, array, kinds, allowed, shape):
    if not is_plain(array) or array.dtype.kind not in kinds:
        raise TypeError(f"{name} has dtype {_dtype(array)}; allowed: {allowed}")
    if shape is not None and array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}; allowed: {shape}")


def _dtype(array):
    return array.dtype if is_plain(array) else type(array).__name__


def _spell(axes, sizes):
    known = ", ".join(f"{letter} = {size}" for letter, size in sizes.items() if letter in axes)
    shape = ", ".join(axes.replace("...", ".")).replace(".", "...")
    return f"({shape}{',' if len(axes) == 1 else ''}){' with ' + known if known else ''}"
