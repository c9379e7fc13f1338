"""The products of causal attention, without most of what the mask hides.

A position t sees the positions u <= t. So scores, weights and their gradients are lower triangles:
above the diagonal they are 0, or masked. Their rows are taken in strips, and no product of a strip
goes beyond the triangle's last column, or begins before its first row.
"""

import numpy as np

STRIP = 64  # rows: narrower strips leave out more, but their products are slower


def pairs(x, y):
    """Return x y^T for u <= t, and 0 right of each strip: (..., T, D), (..., T, D) -> (..., T, T)."""
    T = x.shape[-2]
    out = np.empty((*x.shape[:-1], T), x.dtype)
    for a, b in strips(T):
        np.matmul(x[..., a:b, :], y[..., :b, :].swapaxes(-1, -2), out=out[..., a:b, :b])
        out[..., a:b, b:] = 0
    return out


def gather(w, x):
    """Return w x, where w is 0 for u > t: (..., T, T), (..., T, D) -> (..., T, D).

    Row t is a sum over the positions that t sees.
    """
    out = np.empty_like(x)  # in the same order in memory: heads can be merged without a copy
    for a, b in strips(x.shape[-2]):
        np.matmul(w[..., a:b, :b], x[..., :b, :], out=out[..., a:b, :])
    return out


def scatter(w, x):
    """Return w^T x, where w is 0 for u > t: (..., T, T), (..., T, D) -> (..., T, D).

    Row u is a sum over the positions that see u.
    """
    out = np.empty_like(x)  # in the same order in memory: heads can be merged without a copy
    for a, b in strips(x.shape[-2]):
        np.matmul(w[..., a:, a:b].swapaxes(-1, -2), x[..., a:, :], out=out[..., a:b, :])
    return out


def strips(T):
    """Return the first row of each strip and the one after its last."""
    return [(a, min(a + STRIP, T)) for a in range(0, T, STRIP)]
