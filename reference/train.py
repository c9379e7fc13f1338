"""One training step and the loop over any iterator of batches. It has no derivation: no new maths."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from . import adamw, gpt
from .fast import fused_adamw, parallel

QUIET = dict(over="ignore", invalid="ignore")  # a layer or check_finite sees what came of it


@dataclass(frozen=True)
class Schedule:
    """How to train; raises ValueError for a value that can't work."""

    steps: int = 1000
    lr: float = 1e-3
    min_lr: float = 1e-4
    warmup: int = 100
    beta1: float = 0.9
    beta2: float = 0.99
    eps: float = 1e-8
    weight_decay: float = 0.1
    clip: float = 1.0

    def __post_init__(self):
        allowed = {
            "steps": (1, 2**53), "lr": (0, math.inf), "min_lr": (0, math.inf),
            "warmup": (0, 2**53), "beta1": (0, 1 - 1e-12), "beta2": (0, 1 - 1e-12),
            "eps": (1e-30, math.inf), "weight_decay": (0, math.inf), "clip": (1e-30, math.inf)}
        for name, (low, high) in allowed.items():
            value = getattr(self, name)
            if not low <= value <= high or value == math.inf:
                raise ValueError(f"{name} is {value}; allowed: from {low} " + (
                    f"to {high}" if high < math.inf else "up, a finite number"))


class Step(NamedTuple):
    index: int          # counted from 0
    loss: float         # of this batch, before the update
    norm: float         # of the gradient, before clipping
    params: tuple       # after the update
    state: adamw.State  # likewise


def train(p, batches, *, config, schedule, state=None, threads=1, in_place=False):
    """Yield a Step after each update, until schedule.steps of them are made.

    A batch is (tokens, targets, keep), keep being None or the masks of every dropout. To go on
    from a Step, give its params and state. Each batch is split over so many threads. in_place
    updates a copy of p and state, the same one at each step: faster, in less memory, and the
    arrays of a Step hold only until the next.
    Raises FloatingPointError, naming the step, where the loss or the gradient is not finite.
    """
    if in_place:
        updates = fused_adamw.FusedAdamW(p, state)
        p, state = updates.params, updates.state
    elif state is None:
        state = adamw.init(p)
    for index, (tokens, targets, keep) in zip(range(state.step, schedule.steps), batches):
        with np.errstate(**QUIET):
            loss, grads = loss_and_grad(index, tokens, targets, p, config=config, keep=keep,
                                        threads=threads)
            norm = adamw.global_norm(grads)
        check_finite(index, loss, norm)
        lr = adamw.learning_rate(index, lr=schedule.lr, min_lr=schedule.min_lr,
                                 warmup=schedule.warmup, steps=schedule.steps)
        rates = dict(lr=lr, beta1=schedule.beta1, beta2=schedule.beta2,
                     eps=schedule.eps, weight_decay=schedule.weight_decay)
        with np.errstate(**QUIET):
            if in_place:
                scale = adamw.clip_scale(norm, schedule.clip)
                state = updates.update(grads, scale, threads=threads, **rates)
            else:
                grads, _ = adamw.clip(grads, schedule.clip)
                p, state = adamw.update(p, grads, state, **rates)
        del grads  # before the next step makes its own
        yield Step(index, float(loss), norm, p, state)


def loss_and_grad(index, *arguments, **options):
    """Return parallel.loss_and_grad; where a layer refuses its input, name the step as well."""
    try:
        return parallel.loss_and_grad(*arguments, **options)
    except FloatingPointError as error:
        raise FloatingPointError(f"{stopped(index)}: loss is nan, since {error}") from error


def check_finite(index, loss, norm):
    """Refuse a loss or a gradient norm that is NaN or infinite with a FloatingPointError."""
    if not (math.isfinite(loss) and math.isfinite(norm)):
        raise FloatingPointError(f"{stopped(index)}: loss is {float(loss)}, "
                                 f"gradient norm is {norm}; allowed: finite numbers")


def stopped(index):
    """Return how the sentence about a step that can't be made begins."""
    return f"training stopped at step {index}, before its update"


def evaluate(p, batches, *, config, threads=1):
    """Return the mean loss over batches (tokens, targets), without dropout."""
    with np.errstate(**QUIET):
        return float(np.mean([parallel.loss(tokens, targets, p, config=config, threads=threads)
                              for tokens, targets in batches]))
