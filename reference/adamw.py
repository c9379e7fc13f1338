"""AdamW, clipping by the global norm, warm-up with cosine decay. Derivation: adamw.md."""

import math
from typing import NamedTuple

import numpy as np

from .tools import tree


class State(NamedTuple):
    step: int    # how many updates were made
    m: tuple     # running mean of the gradient, a tree like the parameters
    v: tuple     # running mean of its square, likewise


def init(p):
    """Return the state before the first update: step 0, both means zero."""
    return State(0, tree.map(np.zeros_like, p), tree.map(np.zeros_like, p))


def update(p, grads, state, *, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.1):
    """Return new parameters and state after one step; only matrices decay.

    Source: Loshchilov, Hutter, "Decoupled Weight Decay Regularization" (2019), algorithm 2. There
    the schedule alone multiplies the decay; here lr does, as in torch.
    """
    check_gradients(p, grads)
    t = state.step + 1
    m = tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, state.m, grads)         # (...)  AW-1
    v = tree.map(lambda v, g: beta2 * v + (1 - beta2) * (g * g), state.v, grads)   # (...)  AW-2

    def move(p, m, v):
        mhat = m / (1 - beta1**t)                                        # (...)  AW-3
        vhat = v / (1 - beta2**t)                                        # (...)  AW-4
        decay = weight_decay if p.ndim >= 2 else 0.0                     # ()     AW-5
        return p - lr * (mhat / (np.sqrt(vhat) + eps) + decay * p)       # (...)  AW-6

    return tree.map(move, p, m, v), State(t, m, v)


def check_gradients(p, grads):
    """Refuse gradients of another form or other shapes than the parameters with a ValueError."""
    if [a.shape for a in tree.leaves(p)] != [g.shape for g in tree.leaves(grads)]:
        tree.map(lambda p, g: None, p, grads)  # names the place where the forms differ
        name = next(name for (name, a), g in zip(tree.walk(p), tree.leaves(grads))
                    if a.shape != g.shape)
        raise ValueError(f"grads has another shape at {name} than p; allowed: the same shapes")


def clip(grads, max_norm):
    """Return the gradients scaled to a global norm of at most max_norm, and the norm before."""
    norm = global_norm(grads)
    scale = clip_scale(norm, max_norm)
    return tree.map(lambda g: g * scale, grads), norm


def global_norm(grads):
    """Return the Euclidean length of all gradients laid end to end."""
    return math.sqrt(sum(float(np.vdot(g, g)) for g in tree.leaves(grads)))        # ()     AW-7


def clip_scale(norm, max_norm):
    """Return the factor that brings a norm down to max_norm, 1 where it is below."""
    return min(1.0, max_norm / (norm + 1e-6))                            # ()     AW-8


def learning_rate(step, *, lr, min_lr, warmup, steps):
    """Return the rate of update number `step` (from 0): a linear rise, then half a cosine."""
    if step < warmup:
        return lr * (step + 1) / (warmup + 1)                            # ()     AW-9
    progress = min(1.0, (step - warmup) / max(1, steps - warmup))
    return min_lr + (lr - min_lr) * (1 + math.cos(math.pi * progress)) / 2         # ()     AW-10
