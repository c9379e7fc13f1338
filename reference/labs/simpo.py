"""SimPO: a preferred text's mean log-probability a token is to exceed the other's by a margin.

Derivation: simpo.md.
"""

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..tools.arguments import check_cotangent, check_floats, check_integers, check_positive
from ..tools.arguments import check_some
from ..tools.logistic import log_sigmoid


class Cache(NamedTuple):
    u: Array                # (B,)
    chosen_length: Array    # (B,)
    rejected_length: Array  # (B,)
    beta: float


def forward(chosen, rejected, *, chosen_length, rejected_length, beta, gamma):
    """Return the mean of -log sigmoid(u) over pairs of texts: (B,), (B,) -> ().

    chosen and rejected are log-probabilities; the lengths, integers (B,), count their tokens, the
    end too. gamma is the margin, 0 or above.
    Raises ValueError without a pair, for an empty text, or a beta or a gamma out of range.
    Source: Meng, Xia and Chen, "SimPO" (2024).
    """
    check_floats(chosen=(chosen, "B"), rejected=(rejected, "B"))
    check_some("chosen", chosen)
    for name, lengths in dict(chosen_length=chosen_length, rejected_length=rejected_length).items():
        check_integers(name, lengths, chosen.shape)
        check_positive(f"the least {name}", lengths.min())
    check_positive("beta", beta)
    if not 0 <= gamma < np.inf:
        raise ValueError(f"gamma is {gamma}; allowed: a finite number from 0 up")
    chosen_length, rejected_length = (lengths.astype(chosen.dtype) for lengths in
                                      (chosen_length, rejected_length))  # (B,)
    u = beta * (chosen / chosen_length - rejected / rejected_length) - gamma  # (B,)  SPO-1
    loss = -log_sigmoid(u).mean()                                    # ()    SPO-2
    return loss, Cache(u, chosen_length, rejected_length, beta)


def backward(dloss, cache):
    """Return dchosen and drejected: () -> (B,), (B,)."""
    u, chosen_length, rejected_length, beta = cache
    check_cotangent("dloss", dloss, (), u.dtype, number=True)
    du = -np.exp(log_sigmoid(-u)) * u.dtype.type(dloss) / len(u)     # (B,)  SPO-3
    dchosen = beta * du / chosen_length                              # (B,)  SPO-4
    drejected = -beta * du / rejected_length                         # (B,)  SPO-5
    return dchosen, drejected
