"""KTO: texts that are each called good or bad, and no pairs. Derivation: kto.md."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..tools.arguments import check_bools, check_cotangent, check_floats, check_positive, check_some
from ..tools.logistic import log_sigmoid


class Cache(NamedTuple):
    u: Array       # (B,)
    sign: Array    # (B,)
    weight: Array  # (B,)
    beta: float


def forward(logp, *, ref_logp, desirable, z0, beta, lambda_d, lambda_u):
    """Return the mean of weight * sigmoid(-u) over texts: (B,) -> ().

    logp and ref_logp are log-probabilities of the model and of the reference; desirable is
    boolean, (B,); z0, (), is how far the model is from the reference, taken as a constant.
    lambda_d and lambda_u weigh desirable texts and the others.
    Raises ValueError without a text, or for a beta or a weight that isn't above 0.
    Source: Ethayarajh et al., "KTO" (2024), equation 7.
    """
    check_floats(logp=(logp, "B"), ref_logp=(ref_logp, "B"), z0=(z0, ""))
    check_some("logp", logp)
    check_bools("desirable", desirable, "where a text is good", logp.shape)
    for name, value in dict(beta=beta, lambda_d=lambda_d, lambda_u=lambda_u).items():
        check_positive(name, value)
    sign = np.where(desirable, 1, -1).astype(logp.dtype)             # (B,)
    weight = np.where(desirable, lambda_d, lambda_u).astype(logp.dtype)  # (B,)
    u = sign * beta * (logp - ref_logp - z0)                         # (B,)  KTO-1
    loss = (weight * np.exp(log_sigmoid(-u))).mean()                 # ()    KTO-2
    return loss, Cache(u, sign, weight, beta)


def backward(dloss, cache):
    """Return dlogp: () -> (B,)."""
    u, sign, weight, beta = cache
    check_cotangent("dloss", dloss, (), u.dtype, number=True)
    slope = np.exp(log_sigmoid(u) + log_sigmoid(-u))                 # (B,)  KTO-3
    du = -slope * weight * u.dtype.type(dloss) / len(u)              # (B,)  KTO-4
    return sign * beta * du                                          # (B,)  KTO-5
