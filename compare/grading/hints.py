"""What can be told of a wrong gradient that no known mistake explains."""

import itertools
import math

import numpy as np

from .factors import another, close, factor
from .places import right_at_entries, right_at_heads, right_in_examples, rows, thirds

LEAST = 1e-3  # below this share of its length a difference is said in digits, not in percent


def tell(name, found, truths=None, besides=lambda: []):
    """Return sentences about the gradient `name` of the submission's results, the strongest first.

    The right results are truths, or those of the reference. besides() are sentences that are asked
    for where none of the strong ones holds.
    """
    truths = truths or [case.truth for case, _ in found]
    pairs = [(case, results[name], truth[name]) for (case, results), truth in zip(found, truths)
             if name in results]
    if sentence := shape(pairs):
        return [sentence, *besides()]
    ordinary = [pair for pair in pairs if not pair[0].extreme]
    beyond = not_finite([pair for pair in pairs if pair[0].extreme])
    if beyond and all(close(mine, truth) for _, mine, truth in ordinary):
        return [f"{beyond}, and is right elsewhere: there a probability is 0 in floating point"]
    for rule in RULES:
        if sentence := rule(ordinary):
            return [sentence]
    if sentence := thirds(name, ordinary):
        return [sentence]
    if name in ("d q", "d k", "d v") and (sentence := right_at_heads(ordinary, 1)):
        return [sentence]
    return [*besides(), *(s for rule in PARTIAL if (s := rule(ordinary)))]


def shape(pairs):
    """The wrong shape, and what is known about it, at the largest example that shows it."""
    wrong = [pair for pair in pairs if pair[1].shape != pair[2].shape]
    if not wrong:
        return None
    case, mine, truth = max(wrong, key=lambda pair: math.prod(pair[0].sizes.values()))
    words = f"it has the shape {mine.shape} where {truth.shape} is right, at {case.place}"
    if mine.shape == truth.shape[::-1] and close(mine.T, truth):
        return f"{words}: it is the transpose of the right one"
    if mine.size == truth.size and close(mine.reshape(truth.shape), truth):
        return f"{words}, but it holds the right numbers"
    axes = tuple(range(mine.ndim))
    for count in range(1, mine.ndim + 1):
        for some in itertools.combinations(axes, count):
            if close(mine.sum(some), truth):
                return f"{words}: it is not summed over {axes_in_words(some)}"
    for count in range(1, truth.ndim + 1):
        for some in itertools.combinations(range(truth.ndim), count):
            for keep in False, True:
                if close(mine, truth.sum(some, keepdims=keep)):
                    return f"{words}: it is the right one summed over {axes_in_words(some)}"
    for case_axis in range(truth.ndim):
        least = min(mine.shape[case_axis], truth.shape[case_axis]) if mine.ndim == truth.ndim else 0
        if least and close(mine.take(range(least), case_axis), truth.take(range(least), case_axis)):
            return f"{words}: its first {least} entries along axis {case_axis} are right"
    return words


def axes_in_words(axes):
    """Return axes in words: "axes 0 and 1"."""
    return f"ax{'is' if len(axes) == 1 else 'es'} {' and '.join(map(str, axes))}"


def precision(pairs):
    """Right, but in another dtype than what came in, or to the digits of another."""
    if all(mine.dtype != truth.dtype and np.allclose(mine, truth, rtol=1e-5, atol=1e-5)
           for _, mine, truth in pairs):
        return f"it is right, but {pairs[0][1].dtype}, where {pairs[0][2].dtype} came in"
    errors = [np.abs(mine - truth).max() / max(np.abs(truth).max(), 1e-3)
              for _, mine, truth in pairs if np.isfinite(mine).all()]
    if len(errors) < len(pairs) or max(errors) > 1e-5:
        return None
    digits = f"it is right to {int(-math.log10(max(*errors, 1e-16)))} digits"
    if all((mine.astype(np.float32) == mine).all() for _, mine, _ in pairs):
        return f"{digits}: its numbers are float32 ones, where float64 came in"
    return (f"{digits}, as float32 arithmetic inside leaves it, or a constant with few digits, "
            "where float64 came in")


def constant(pairs):
    """All zero, or not a number."""
    if all(not mine.any() for _, mine, _ in pairs):
        return "it is zero everywhere"
    return not_finite(pairs)


def not_finite(pairs):
    """A NaN or an infinity."""
    return next((f"it holds NaN or infinity, first at {case.place}" for case, mine, _ in pairs
                 if not np.isfinite(mine).all()), None)


def transposed(pairs):
    """The transpose, of square arrays too."""
    square = [(mine, truth) for _, mine, truth in pairs
              if truth.ndim >= 2 and truth.shape[-1] == truth.shape[-2] > 1]
    if square and all(close(mine.swapaxes(-1, -2), truth) for mine, truth in square):
        return "it is the transpose of the right one"
    return None


def redrawn(pairs):
    """Dropout with another mask than that of the forward."""
    if "keep" not in pairs[0][0].example.inputs:
        return None
    for case, mine, _ in pairs:
        kept = case.dy / (1 - case.example.options["rate"])
        if not np.all((mine == 0) | np.isclose(mine, kept, rtol=1e-9)):
            return None
    return ("each entry is 0 or dy / (1 - rate), but not where the mask says: the mask must be "
            "that of the forward, not drawn anew (DROP-2)")


def size(pairs):
    """How far off it is, and whether it points the right way."""
    case, mine, truth = [pair for pair in pairs if not close(*pair[1:])][-1]
    length = np.sqrt((truth**2).sum())
    apart = np.sqrt(((mine - truth) ** 2).sum()) / max(length, 1e-300)
    if apart < LEAST:
        return (f"at {case.place} the difference from the right one is {apart:.1e} times as long "
                "as it")
    cosine = (mine * truth).sum() / max(np.sqrt((mine**2).sum()) * length, 1e-300)
    ratio = np.sqrt((mine**2).sum()) / max(length, 1e-300)
    return (f"at {case.place} it is {unlike_1(ratio)} times as long as the right one, "
            f"and the cosine between them is {unlike_1(cosine)}")


def unlike_1(number):
    """Return a number with three digits, or as many as tell it from 1."""
    for digits in range(3, 16):
        if float(words := f"{number:.{digits}g}") != 1:
            return words
    return "1"


RULES = [precision, constant, redrawn, factor, transposed, another]
PARTIAL = [right_in_examples, right_at_entries, rows, size]
