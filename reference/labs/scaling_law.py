"""The scaling law: the logarithm of the loss that a size and a budget lead to.

Derivation: scaling_law.md.
"""

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..tools.arguments import check_cotangent, check_finite, check_floats


class Cache(NamedTuple):
    z: Array       # (R,)
    shares: Array  # (R, 3)
    log_n: Array   # (R,)
    log_d: Array   # (R,)
    gamma: Array   # ()


@np.errstate(over="ignore", invalid="ignore")  # y tells whether anything was not finite
def forward(theta, *, log_n, log_d):
    """Return the logarithm of (E + A / N^alpha + B / D^beta)^gamma for each run: (6,) -> (R,).

    theta is log A, alpha, log B, beta, log E, gamma; log_n and log_d, (R,), are the logarithms of
    the parameters and of the tokens of the runs.
    Raises FloatingPointError where the logarithm of a loss is NaN or infinite.
    Source: Hoffmann et al., "Training Compute-Optimal Large Language Models" (2022), equation 2,
    with gamma = 1; Kaplan et al., "Scaling Laws for Neural Language Models" (2020), equation 1.5,
    with E = 0 and beta = 1.
    """
    check_floats(theta=(theta, "P"), log_n=(log_n, "R"), log_d=(log_d, "R"))
    if theta.shape != (6,):
        raise ValueError(f"theta has shape {theta.shape}; allowed: (6,)")
    a, alpha, b, beta, e, gamma = theta
    terms = np.stack([a - alpha * log_n, b - beta * log_d, np.full_like(log_n, e)],
                     -1)                                             # (R, 3)  LAW-1
    top = terms.real.max(-1, keepdims=True)                          # (R, 1)
    powers = np.exp(terms - top)                                     # (R, 3)
    total = powers.sum(-1, keepdims=True)                            # (R, 1)
    z = (top + np.log(total))[:, 0]                                  # (R,)    LAW-2
    y = gamma * z                                                    # (R,)    LAW-3
    check_finite("the logarithm of a loss in scaling_law", y)
    return y, Cache(z, powers / total, log_n, log_d, gamma)


def slopes(cache):
    """Return the slopes of every output in every number: Cache -> (R, 6)."""
    z, shares, log_n, log_d, gamma = cache
    size, budget, floor = gamma * shares.T                           # (R,) each  LAW-4
    return np.stack([size, -size * log_n, budget, -budget * log_d, floor, z],
                    -1)                                              # (R, 6)  LAW-5


def backward(dy, cache):
    """Return dtheta: (R,) -> (6,)."""
    check_cotangent("dy", dy, cache.z.shape, cache.z.dtype)
    return dy @ slopes(cache)                                        # (6,)    LAW-6
