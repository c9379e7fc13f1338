"""The logarithm of the logistic function, without overflow."""

import numpy as np


def log_sigmoid(u):
    """Return log(1 / (1 + exp(-u))): (...) -> (...); exp of it is the logistic function.

    The exponential is taken of minus the distance from 0, so it is at most 1.
    """
    near = np.where(u.real < 0, u, 0)                                # min(u, 0)
    return near - np.log1p(np.exp(np.where(u.real < 0, u, -u)))
