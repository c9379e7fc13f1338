"""Sums over the rows or along them, as products with ones and with each other: BLAS adds fast, and
in so many lanes at once that rounding errors stay small."""

import functools

import numpy as np

RUN = 64  # rows that one product sums


def sum_over_rows(x):
    """Return the sum over all axes but the last: (..., C) -> (C,).

    Runs of RUN rows are summed apart, and then their sums, so that no number takes part in more
    than RUN additions a level; one after the other it would be N.
    Source: Higham, "The Accuracy of Floating Point Summation" (1993), section 2.
    """
    rows = x.reshape(-1, x.shape[-1])                        # (N, C)
    if len(rows) <= RUN:
        return ones(len(rows), x.dtype) @ rows               # (C,)
    whole = len(rows) // RUN * RUN
    runs = rows[:whole].reshape(-1, RUN, x.shape[-1])        # (N / RUN, RUN, C)
    total = sum_over_rows(ones(RUN, x.dtype) @ runs)              # (C,)
    return total if whole == len(rows) else total + sum_over_rows(rows[whole:])


def row_sum(x):
    """Return the sum along each row: (..., C) -> (..., 1)."""
    return (x @ ones(x.shape[-1], x.dtype))[..., None]


def row_mean(x):
    """Return the mean along each row: (..., C) -> (..., 1)."""
    return row_sum(x) / x.shape[-1]


def row_dot(x, y):
    """Return the sum along each row of x y: (..., C), (..., C) -> (..., 1)."""
    return (x[..., None, :] @ y[..., :, None])[..., 0]


@functools.lru_cache(64)  # each step asks the same again
def ones(n, dtype):
    """Return n ones: (n,)."""
    return np.ones(n, dtype)
