"""One training step and the loop over any iterator of batches: no new maths, so no derivation."""

import contextlib
import itertools
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from . import adamw
from .tools import tree

IGNORED = -100  # the target that cross_entropy does not count
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
    decay_steps: int = 0  # in which the learning rate falls; 0: all

    def __post_init__(self):
        allowed = {
            "steps": (1, 2**53), "lr": (0, math.inf), "min_lr": (0, math.inf),
            "warmup": (0, 2**53), "beta1": (0, 1 - 1e-12), "beta2": (0, 1 - 1e-12),
            "eps": (1e-30, math.inf), "weight_decay": (0, math.inf), "clip": (1e-30, math.inf),
            "decay_steps": (0, 2**53)}
        for name, (low, high) in allowed.items():
            value = getattr(self, name)
            if not low <= value <= high or value == math.inf:
                raise ValueError(f"{name} is {value}; allowed: from {low} " + (
                    f"to {high}" if high < math.inf else "up, a finite number"))


class Step(NamedTuple):
    index: int          # counted from 0
    loss: float         # of this batch, before the update
    norm: float         # of the gradient, before clipping
    lr: float           # of the update
    params: tuple       # after the update
    state: adamw.State  # likewise


def train(p, batches, *, config, schedule, loss_and_grad, state=None, optimizer=adamw,
          accumulate=1):
    """Yield a Step after each update, until schedule.steps of them are made.

    A batch is (tokens, targets, keep), keep being None or the masks of every dropout; each update
    takes so many as `accumulate` says, as if they were one. loss_and_grad is a model's, such as
    gpt.loss_and_grad; one by one, a batch is what it takes before p, and keep. An optimizer has
    init, clip and update as adamw has them. To go on from a Step, give its params and state.
    Raises FloatingPointError, naming the step, where the loss or the gradient is not finite.
    """
    state = optimizer.init(p) if state is None else state
    batches = iter(batches)
    for index in range(state.step, schedule.steps):
        parts = list(itertools.islice(batches, accumulate))
        if not parts:
            return
        with np.errstate(**QUIET), naming(index):
            loss, grads = accumulated(parts, p, config, loss_and_grad)
            grads, norm = optimizer.clip(grads, schedule.clip)
        check_finite(index, loss, norm)
        lr = adamw.learning_rate(index, lr=schedule.lr, min_lr=schedule.min_lr,
                                 warmup=schedule.warmup,
                                 steps=schedule.decay_steps or schedule.steps)
        with np.errstate(**QUIET):
            p, state = optimizer.update(
                p, grads, state, lr=lr, beta1=schedule.beta1, beta2=schedule.beta2,
                eps=schedule.eps, weight_decay=schedule.weight_decay)
        del grads  # before the next step makes its own
        yield Step(index, float(loss), norm, lr, p, state)


def accumulated(parts, p, config, loss_and_grad):
    """Return the loss and the gradients of batches as of one that holds them all.

    That one's loss is a mean over its tokens, so each part counts by its share of them.
    """
    if len(parts) == 1:
        (*arrays, keep), = parts
        return loss_and_grad(*arrays, p, config=config, keep=keep)
    counts = [float((targets != IGNORED).sum()) for _, targets, _ in parts]
    loss, grads = 0.0, None
    for (tokens, targets, keep), count in zip(parts, counts):
        if count == 0 and sum(counts) > 0:
            continue  # by itself it has no loss
        of_part, dp = loss_and_grad(tokens, targets, p, config=config, keep=keep)
        weight = count / sum(counts)
        loss += weight * float(of_part)
        dp = tree.map(lambda g: weight * g, dp)
        grads = dp if grads is None else tree.map(np.add, grads, dp)
    return loss, grads


@contextlib.contextmanager
def naming(index):
    """Name the step where a layer refuses its input."""
    try:
        yield
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


def evaluate(p, batches, *, config, loss):
    """Return a model's loss, such as gpt.loss, over batches (tokens, targets), a mean over tokens.

    Raises ValueError if no target counts.
    """
    total, counted = 0.0, 0
    with np.errstate(**QUIET):
        for tokens, targets in batches:
            if count := np.count_nonzero(targets != IGNORED):
                total += count * float(loss(tokens, targets, p, config=config))
                counted += count
    if not counted:
        raise ValueError("batches have 0 targets that count; allowed: at least 1")
    return total / counted
