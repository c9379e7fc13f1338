"""Whether what was drawn is random. The seeds of the tests are fixed, so each level below is the
chance that a right generator fails once and for all, not now and then."""

import numpy as np

from reference.tools import tree


def is_chance(found, expected):
    """Whether counts are what chance makes of the expected ones, by chi-square.

    Its cube root is about normal (Wilson and Hilferty, 1931). Chance takes it beyond the 4
    deviations allowed once in 30,000 times.
    """
    freedom = np.size(found) - 1
    square = ((found - expected) ** 2 / expected).sum() / freedom
    return (square ** (1 / 3) - 1 + 2 / (9 * freedom)) / np.sqrt(2 / (9 * freedom)) < 4


def in_rows(keep):
    """Return a Keep's masks side by side, a row a sequence, but for the weights that are hidden."""
    return np.concatenate([
        (mask[..., np.tri(mask.shape[-1], dtype=bool)] if mask.ndim == 4 else mask)
        .reshape(len(mask), -1) for mask in tree.leaves(keep)], 1)   # (B, M)


def hold_random(kept, rate):
    """Hold that masks, (N, M), are N draws of M entries, all independent, True at 1 - rate.

    The correlation of two columns, or of two rows, times the root of their length is about
    normal. Of a million such numbers chance takes one beyond 6.5 deviations once in 10,000 times.
    """
    N, M = kept.shape
    z = (kept - (1 - rate)) / np.sqrt(rate * (1 - rate))     # (N, M)  mean 0, variance 1
    assert np.abs(z.sum(0)).max() <= 6.5 * np.sqrt(N)
    assert np.abs(z.sum()) <= 5 * np.sqrt(N * M)
    for name, products, length in ("entries", z.T @ z, N), ("draws", z @ z.T, M):
        apart = np.abs(np.triu(products, 1)).max() / np.sqrt(length)
        assert apart <= 6.5, f"two {name} are correlated by {apart:.1f} deviations"
