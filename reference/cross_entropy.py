"""Cross-entropy fused with log-softmax, the mean over tokens. Derivation: cross_entropy.md."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from .tools.arguments import check_cotangent, check_finite, check_floats, check_ids, check_integers
from .tools.sums import row_sum


class Cache(NamedTuple):
    probs: Array    # (..., V)
    targets: Array  # (...)
    counted: Array  # (...)


@np.errstate(over="ignore")  # a difference that overflows is -inf, and its exponential rightly 0
def forward(logits, targets, *, ignore_index=-100):
    """Return the mean of -log softmax(logits)[target]: (..., V), (...) -> ().

    Targets equal to ignore_index count neither in the sum nor in the mean.
    Raises ValueError if none is left or the shapes differ, IndexError for a target outside V,
    FloatingPointError where a row holds a NaN or +inf, or the loss is infinite.
    """
    check_floats(logits=(logits, "...V"))
    check_integers("targets", targets, logits.shape[:-1])
    counted = targets != ignore_index                                # (...)
    if not counted.any():
        raise ValueError(f"every target is ignore_index = {ignore_index}; allowed: not all")
    check_ids("targets", targets[counted], logits.shape[-1])
    targets = np.where(counted, targets, 0)                          # (...)     a valid index
    top = logits.real.max(-1, keepdims=True)                         # (..., 1)
    check_finite("the largest logit of a row in cross_entropy", top)
    z = np.ascontiguousarray(logits) - top                           # (..., V)  CE-1
    z_target = z[place(targets)]                                     # (...)
    e = np.exp(z, out=z)                                             # (..., V)
    total = row_sum(e)                                               # (..., 1)
    log_total = np.log(total)[..., 0]                                # (...)     CE-2
    logp_target = z_target - log_total                               # (...)     CE-3
    loss = -logp_target[counted].mean()                              # ()        CE-4
    check_finite("loss in cross_entropy", loss)
    probs = np.divide(e, total, out=e)                               # (..., V)
    return loss, Cache(probs, targets, counted)


def backward(dloss, cache):
    """Return dlogits, exactly 0 in the rows that were ignored: () -> (..., V)."""
    probs, targets, counted = cache
    check_cotangent("dloss", dloss, (), probs.dtype, number=True)
    dloss = probs.dtype.type(dloss)                                  # ()        a float has none
    share = counted * dloss / int(counted.sum())                     # (...)     CE-5
    dlogits = probs * share[..., None]                               # (..., V)
    dlogits[place(targets)] = (probs[place(targets)] - 1) * share    # (...)     CE-6
    return dlogits


def place(targets):
    """Return the index of each row's target in an array (..., V): (...) -> indices (...)."""
    return *np.indices(targets.shape, sparse=True), targets
