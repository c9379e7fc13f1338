"""What kind of wrong a gradient is, as far as arrays and sizes alone can tell."""

import itertools
from typing import NamedTuple

import numpy as np

POWERS_OF_SIZES = (1, -1, 0.5, -0.5, 2, -2)
FLOAT32 = (1e-9, 1e-5)  # how far off, relative to the largest entry, float32 arithmetic makes it


class Wrong(NamedTuple):
    """A gradient in one example where it is wrong."""

    sizes: dict           # by letter, or by the name of an axis
    mine: np.ndarray
    truth: np.ndarray     # None where it is too large to be known whole
    near: float           # how far two equal results may be apart, relative to the largest entry


def kind_in_words(wrongs, others=None, right=()):
    """Return a sentence about a gradient that is wrong in some examples, or None.

    others holds the true gradients of the other arrays in the first of these examples; right
    the sizes of the examples where it is right.
    """
    known = [wrong for wrong in wrongs if wrong.truth is not None]
    if any(not np.isfinite(wrong.mine).all() for wrong in wrongs):
        return "it holds NaN or infinity"
    if not known:
        return None
    if sentence := shape_in_words(known):
        return sentence
    known = [wrong for wrong in known if wrong.mine.shape == wrong.truth.shape]
    if not known:
        return None
    for rule in nothing, rounded, times, turned_round:
        if (sentence := rule(known)):
            return sentence
    first = known[0]
    for name, truth in (others or {}).items():
        if alike_arrays(first.mine, truth, first.near):
            return f"it is the gradient of {name}"
    return right_where(known, right) or far_as_float32(known)


def shape_in_words(wrongs):
    """Another shape, where it can be explained: transposed, not summed, or else arranged."""
    for _, mine, truth, near in wrongs:
        if mine.shape == truth.shape:
            continue
        words = f"it has the shape {mine.shape} where {truth.shape} is right"
        if alike_arrays(mine.T, truth, near):
            return f"{words}: it is the transpose of the right one"
        for axes in broadcast_axes(mine, truth):
            if alike_arrays(mine.sum(axes).reshape(truth.shape), truth, near):
                return (f"{words}: it is not summed over axis {', '.join(map(str, axes))}, "
                        "along which the array is broadcast")
        if mine.size == truth.size and alike_arrays(mine.reshape(truth.shape), truth, near):
            return f"{words}, but it holds the right numbers"
    return None


def broadcast_axes(mine, truth):
    """Return the sets of axes whose sum gives as many numbers as the right shape has."""
    return [axes for count in range(1, mine.ndim + 1)
            for axes in itertools.combinations(range(mine.ndim), count)
            if np.prod(np.delete(mine.shape, axes)) == truth.size]


def nothing(wrongs):
    """Zero everywhere."""
    return None if any(wrong.mine.any() for wrong in wrongs) else "it is zero everywhere"


def rounded(wrongs):
    """Each number is one of float32, and the right one but for its rounding."""
    if all(alike_arrays(wrong.mine, wrong.truth, FLOAT32[1]) and is_float32(wrong.mine)
           and not is_float32(wrong.truth) for wrong in wrongs):
        return "it is right but for rounding to float32"
    return None


def is_float32(array):
    """Whether all numbers of an array are such as float32 has."""
    return bool((array == array.astype(np.float32)).all())


def far_as_float32(wrongs):
    """As far off as float32 arithmetic makes it."""
    if all(alike_arrays(wrong.mine, wrong.truth, FLOAT32[1]) for wrong in wrongs) and any(
            not alike_arrays(wrong.mine, wrong.truth, FLOAT32[0]) for wrong in wrongs):
        return "it is about as far off as float32 arithmetic inside the backward makes it"
    return None


def times(wrongs):
    """The right one times a number, in terms of the sizes where it can be."""
    measured = []
    for sizes, mine, truth, near in wrongs:
        k = float((mine * truth).sum() / max((truth * truth).sum(), np.finfo(float).tiny))
        if not alike_arrays(mine, k * truth, near) or abs(k) < near:
            return None
        measured.append((sizes, k))
    if sum(wrong.truth.size for wrong in wrongs) < 2:
        return None  # one number is always the right one times another
    factors_found = [k for _, k in measured]
    one, alone = factors_found[0], len(measured) == 1
    if even(factors_found) and (not alone or abs(abs(one) - 1) < 1e-3):
        return in_factors(one, (), ())
    powers_of = POWERS_OF_SIZES if not alone else (1, -1) if is_simple(one) else (0.5, -0.5)
    for chosen, powers in products_of_sizes([sizes for sizes, _ in measured], powers_of):
        rest = [k / np.prod([float(sizes[letter]) ** power for letter, power
                             in zip(chosen, powers)]) for sizes, k in measured]
        if even(rest) and (not alone or abs(abs(rest[0]) - 1) < 1e-8):
            return in_factors(rest[0], chosen, powers)
    return in_factors(one, (), ()) if alone else (
        "it is the right one times a number that differs from example to example")


def even(numbers):
    """Whether some numbers are one number but for rounding."""
    return max(numbers) - min(numbers) <= 1e-8 * max(map(abs, numbers))


def products_of_sizes(all_sizes, powers):
    """Yield (letters, a power of each) of at most two sizes that differ, or are more than 1."""
    letters = [letter for letter in all_sizes[0] if all(letter in sizes for sizes in all_sizes)]
    letters = [letter for letter in letters if len({1, *(n[letter] for n in all_sizes)}) > 1]
    for count in (1,) if powers == (0.5, -0.5) else (1, 2):
        for chosen in itertools.combinations(letters, count):
            for one_each in itertools.product(powers, repeat=count):
                yield chosen, one_each


def is_simple(k):
    """Whether a number may come from sizes: a whole one from 2 up, or its part."""
    k = abs(k)
    return k > 1.5 and abs(k - round(k)) < 1e-8 or 0 < k < 0.7 and abs(1 / k - round(1 / k)) < 1e-8


def in_factors(k, letters, powers):
    """Return a factor in words: "it is the right one times 2 / (B T)"."""
    if not letters and abs(k + 1) < 1e-8:
        return "its sign is wrong"
    number = f"{k:.6g}" if abs(k - 1) > 1e-5 else f"1 {'+' if k > 1 else '-'} {abs(k - 1):.1e}"
    if letters and abs(k - 1) < 1e-8:
        number = ""
    roots = {1: "{}", 0.5: "sqrt({})", 2: "{}^2"}
    above, below = ([roots[abs(p)].format(letter) for letter, p in zip(letters, powers)
                     if (p > 0) == up] for up in (True, False))
    top = " ".join(filter(None, [number, *above])) or "1"
    bottom = below[0] if len(below) == 1 else f"({' '.join(below)})"
    return f"it is the right one times {top}" + (f" / {bottom}" if below else "")


def turned_round(wrongs):
    """The transpose of square arrays."""
    square = [wrong for wrong in wrongs if wrong.truth.ndim >= 2
              and wrong.truth.shape[-1] == wrong.truth.shape[-2] > 1]
    if square and all(alike_arrays(wrong.mine.swapaxes(-1, -2), wrong.truth, wrong.near)
                      for wrong in square):
        return "it is the transpose of the right one"
    return None


def right_where(wrongs, right):
    """Right where a size is 1, and wrong elsewhere."""
    told = [letter for letter in wrongs[0].sizes
            if any(sizes.get(letter) == 1 for sizes in right)
            and all(wrong.sizes[letter] > 1 for wrong in wrongs)
            and sum(sizes[letter] > 1 for sizes in right) <= len(wrongs) / 2]
    return f"it is right where {' or '.join(f'{name} = 1' for name in told)}" if told else None


def alike_arrays(a, b, near):
    """Whether two arrays have one shape and are equal but for rounding."""
    return a.shape == b.shape and bool(
        np.abs(a - b).max(initial=0.0) <= near * np.abs(b).max(initial=0.0))
