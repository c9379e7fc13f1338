"""Scaling laws fitted to runs, in PyTorch: autograd finds the slopes."""

import math
from typing import NamedTuple

import torch
from torch.nn import functional as F

from .scaling_law import ScalingLaw

DAMPING = 1e-3  # at the start
LEAST = 1e-30   # of a curvature: that of E is 0 where E is


class Law(NamedTuple):
    """Where the fit of a law begins, and the places of theta that it may change."""

    start: tuple
    free: tuple


LAWS = {
    "Hoffmann": Law((4.0, 0.5, 4.0, 0.4, 0.0, 1.0), (0, 1, 2, 3, 4)),
    "Kaplan": Law((12.0, 1.0, 16.0, 1.0, -math.inf, 0.2), (0, 1, 2, 5)),
}


class Runs(NamedTuple):
    """What is fitted: logarithms of parameters, tokens and losses, (R,) each."""

    log_n: torch.Tensor
    log_d: torch.Tensor
    log_loss: torch.Tensor


class Fit(NamedTuple):
    """The numbers of a law, (6,), and the Huber loss before each update."""

    theta: torch.Tensor
    losses: list


def huber(r, *, delta):
    """Return the sum of squares halved, but of straight lines beyond delta: (R,) -> ()."""
    return F.huber_loss(r, torch.zeros_like(r), reduction="sum", delta=delta)        # SCA-1


def weights(r, *, delta):
    """Return the slopes of the Huber loss over r: (R,) -> (R,)."""
    return delta / r.abs().clamp(min=delta)                          # SCA-2


def fit(runs, law, *, delta, updates, theta=None):
    """Return the Fit of a law to runs, by damped Gauss-Newton updates from theta or the start."""
    whole = torch.tensor(law.start, dtype=torch.float64) if theta is None else theta.clone()
    free, mu, losses = list(law.free), DAMPING, []

    def residuals(numbers):
        given = whole.index_copy(0, torch.tensor(free), numbers)
        return ScalingLaw()(given, runs.log_n, runs.log_d) - runs.log_loss

    numbers = whole[free].requires_grad_()
    each = torch.eye(len(runs.log_n), dtype=torch.float64)
    r = residuals(numbers)
    loss = huber(r, delta=delta)
    for _ in range(updates):
        losses.append(loss.item())
        w = weights(r.detach(), delta=delta)
        J, = torch.autograd.grad(r, numbers, each, is_grads_batched=True, retain_graph=True)
        g, = torch.autograd.grad(loss, numbers, retain_graph=True)   # SCA-3
        H = J.T @ (w[:, None] * J)                                   # SCA-4
        scale = H.diag().clamp(min=LEAST)
        step = torch.linalg.solve(H + mu * scale.diag(), g)          # SCA-5
        new = (numbers - step).detach().requires_grad_()
        found = residuals(new)
        better = bool(huber(found, delta=delta) <= loss * (1 + 1e-9))
        if better:
            numbers, r, loss = new, found, huber(found, delta=delta)
        mu = max(mu / 10, 1e-15) if better else 10 * mu
    return Fit(whole.index_copy(0, torch.tensor(free), numbers.detach()), losses)


def predicted(theta, log_n, log_d):
    """Return the losses of runs by a law: (6,), (R,), (R,) -> (R,)."""
    return ScalingLaw()(theta, log_n, log_d).exp()


def without_each(runs, law, whole, *, delta, updates):
    """Return the numbers of a law fitted to all runs but one, for each of them: (R, 6)."""
    keep = ~torch.eye(len(runs.log_n), dtype=torch.bool)
    return torch.stack([fit(Runs(*(a[others] for a in runs)), law, delta=delta, updates=updates,
                            theta=whole).theta for others in keep])


def jackknife_error(values):
    """Return the standard error of a number, from its values without each run: (R,) -> ()."""
    return (values.var(correction=0) * (len(values) - 1)).sqrt()     # SCA-6


def best_power(theta):
    """Return the power of the operations by which the best size grows: (6,) -> ()."""
    _, alpha, _, beta, _, _ = theta
    return beta / (alpha + beta)                                     # SCA-7
