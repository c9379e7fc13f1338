"""One training step and the loop over any iterator of batches, as PyTorch's users write them."""

import itertools
import math
from typing import NamedTuple

import torch

from . import adamw
from .cross_entropy import CrossEntropy

IGNORED = -100  # the target that does not count


class Step(NamedTuple):
    index: int    # counted from 0
    loss: float   # of this batch, before the update
    norm: float   # of the gradient, before clipping
    lr: float     # of the update


def optimizer_of(model, schedule):
    """Return the optimizer that a schedule asks for."""
    return adamw.optimizer(
        model, lr=schedule.lr, beta1=schedule.beta1, beta2=schedule.beta2, eps=schedule.eps,
        weight_decay=schedule.weight_decay)


def cross_entropy(tokens, targets, model, *, keep=None):
    """Return the mean cross-entropy of a model: (B, T), (B, T) -> ()."""
    return CrossEntropy()(model(tokens, keep), targets)


def train(model, batches, *, schedule, loss=cross_entropy, optimizer=None, start=0, accumulate=1):
    """Yield a Step after each update of the model in place, until schedule.steps are made.

    A batch is (tokens, targets, keep), keep being None or the masks of every dropout; each update
    takes so many as `accumulate` says, as if they were one. One by one, a batch is what loss takes
    before the model, and keep. To go on after some steps, give their number as start, and the
    optimizer that made them.
    Raises FloatingPointError, naming the step, where the loss or the gradient is not finite.
    """
    optimizer = optimizer_of(model, schedule) if optimizer is None else optimizer
    scheduler = adamw.scheduler(
        optimizer, lr=schedule.lr, min_lr=schedule.min_lr, warmup=schedule.warmup,
        steps=schedule.decay_steps or schedule.steps, start=start)
    batches = iter(batches)
    for index in range(start, schedule.steps):
        parts = list(itertools.islice(batches, accumulate))
        if not parts:
            return
        optimizer.zero_grad()
        value = accumulated(parts, model, loss)
        norm = adamw.clip(model, schedule.clip).item()
        check_finite(index, value, norm)
        lr, = set(scheduler.get_last_lr())
        optimizer.step()
        scheduler.step()
        yield Step(index, value, norm, lr)


def accumulated(parts, model, loss):
    """Add up the gradients of batches as of one that holds them all, and return its loss.

    That one's loss is a mean over its tokens, so each part counts by its share of them.
    """
    if len(parts) == 1:
        (*arrays, keep), = parts
        value = loss(*arrays, model, keep=keep)
        value.backward()
        return value.item()
    counts = [int((targets != IGNORED).sum()) for _, targets, _ in parts]
    total = 0.0
    for (tokens, targets, keep), count in zip(parts, counts):
        if count == 0 and sum(counts) > 0:
            continue  # by itself it has no loss
        value = loss(tokens, targets, model, keep=keep) * (count / sum(counts))
        value.backward()
        total += value.detach()
    return total.item()


def check_finite(index, loss, norm):
    """Refuse a loss or a gradient norm that is NaN or infinite with a FloatingPointError."""
    if not (math.isfinite(loss) and math.isfinite(norm)):
        raise FloatingPointError(
            f"training stopped at step {index}, before its update: "
            f"loss is {loss}, gradient norm is {norm}; allowed: finite numbers")


@torch.no_grad()
def evaluate(model, batches):
    """Return the loss over batches (tokens, targets), without dropout, a mean over tokens.

    Raises ValueError if no target counts.
    """
    loss_of, was_training = CrossEntropy(), model.training
    total, counted = 0.0, 0
    model.eval()
    try:
        for tokens, targets in batches:
            if count := (targets != loss_of.ignore_index).sum().item():
                total += count * loss_of(model(tokens), targets).item()
                counted += count
    finally:
        model.train(was_training)
    if not counted:
        raise ValueError("batches have 0 targets that count; allowed: at least 1")
    return total / counted
