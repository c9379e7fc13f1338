"""Scaling laws fitted to runs, and how far they can be trusted. Derivation: scaling.md.

A law is a start for theta and which of its six numbers are free, as scaling_law.py has them.
"""

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..tools.arguments import check_floats, check_positive
from . import scaling_law

DAMPING = 1e-3  # at the start
LEAST = 1e-30   # of a curvature: that of E is 0 where E is


class Law(NamedTuple):
    """Where the fit of a law begins, and the places of theta that it may change."""

    start: tuple
    free: tuple


LAWS = {
    "Hoffmann": Law((4.0, 0.5, 4.0, 0.4, 0.0, 1.0), (0, 1, 2, 3, 4)),
    "Kaplan": Law((12.0, 1.0, 16.0, 1.0, -np.inf, 0.2), (0, 1, 2, 5)),
}


class Runs(NamedTuple):
    """What is fitted: logarithms of parameters, tokens and losses, (R,) each."""

    log_n: Array
    log_d: Array
    log_loss: Array


class Fit(NamedTuple):
    """The numbers of a law, (6,), and the Huber loss before each update."""

    theta: Array
    losses: list


def huber(r, *, delta):
    """Return the sum of squares halved, but of straight lines beyond delta: (R,) -> ().

    Source: Hoffmann et al., "Training Compute-Optimal Large Language Models" (2022), equation 3.
    """
    a = np.abs(r)                                                    # (R,)
    return np.where(a <= delta, r * r / 2, delta * (a - delta / 2)).sum()    # ()   SCA-1


def weights(r, *, delta):
    """Return the slopes of the Huber loss over r: (R,) -> (R,)."""
    return np.minimum(1, delta / np.maximum(np.abs(r), delta))       # (R,)       SCA-2


def fit(runs, law, *, delta, updates, theta=None):
    """Return the Fit of a law to runs, by damped Gauss-Newton updates from theta or the start.

    Raises ValueError for fewer runs than free numbers, or a delta that is not above 0.
    """
    check_floats(log_n=(runs.log_n, "R"), log_d=(runs.log_d, "R"), log_loss=(runs.log_loss, "R"))
    check_positive("delta", delta)
    if len(runs.log_n) < len(law.free):
        raise ValueError(f"the number of runs is {len(runs.log_n)}; "
                         f"allowed: at least the {len(law.free)} free numbers")
    free, mu, losses = list(law.free), DAMPING, []
    theta = np.array(law.start if theta is None else theta)
    loss, r, jacobian = tried(theta, runs, delta)
    for _ in range(updates):
        losses.append(float(loss))
        w, J = weights(r, delta=delta), jacobian[:, free]            # (R,), (R, F)
        g = J.T @ (w * r)                                            # (F,)       SCA-3
        H = J.T @ (w[:, None] * J)                                   # (F, F)     SCA-4
        scale = np.maximum(np.diag(H), LEAST)                        # (F,)
        step = np.linalg.solve(H + mu * np.diag(scale), g)           # (F,)       SCA-5
        new = theta.copy()
        new[free] -= step
        found = tried(new, runs, delta)
        better = found[0] <= loss * (1 + 1e-9)  # but for rounding
        if better:
            theta, (loss, r, jacobian) = new, found
        mu = max(mu / 10, 1e-15) if better else 10 * mu
    return Fit(theta, losses)


def tried(theta, runs, delta):
    """Return the Huber loss, the residuals and the slopes: (), (R,), (R, 6); inf for no loss."""
    try:
        y, cache = scaling_law.forward(theta, log_n=runs.log_n, log_d=runs.log_d)
    except FloatingPointError:
        return np.inf, None, None
    r = y - runs.log_loss                                            # (R,)
    return huber(r, delta=delta), r, scaling_law.slopes(cache)


def predicted(theta, log_n, log_d):
    """Return the losses of runs by a law: (6,), (R,), (R,) -> (R,)."""
    return np.exp(scaling_law.forward(theta, log_n=log_n, log_d=log_d)[0])


def without_each(runs, law, whole, *, delta, updates):
    """Return the numbers of a law fitted to all runs but one, for each of them: (R, 6)."""
    keep = ~np.eye(len(runs.log_n), dtype=bool)
    return np.stack([fit(Runs(*(a[others] for a in runs)), law, delta=delta, updates=updates,
                         theta=whole).theta for others in keep])


def jackknife_error(values):
    """Return the standard error of a number, from its values without each run: (R,) -> ()."""
    R = len(values)
    return np.sqrt((R - 1) / R * ((values - values.mean()) ** 2).sum())      # ()   SCA-6


def best_power(theta):
    """Return the power of the operations by which the best size grows: (6,) -> ().

    Source: Hoffmann et al., equation 4.
    """
    _, alpha, _, beta, _, _ = theta
    return beta / (alpha + beta)                                     # ()         SCA-7
