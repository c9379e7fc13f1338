"""DPO: the preferred one of two texts is to gain more on the reference. Derivation: dpo.md."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..tools.arguments import check_cotangent, check_floats, check_positive, check_some
from ..tools.logistic import log_sigmoid


class Cache(NamedTuple):
    u: Array  # (B,)
    beta: float


def forward(chosen, rejected, *, ref_chosen, ref_rejected, beta):
    """Return the mean of -log sigmoid(u) over pairs of texts: (B,), (B,) -> ().

    chosen and rejected are log-probabilities of the model, those with ref_ of the reference.
    Raises ValueError without a pair, or for a beta that isn't above 0.
    Source: Rafailov et al., "Direct Preference Optimization" (2023), equation 7.
    """
    check_floats(chosen=(chosen, "B"), rejected=(rejected, "B"), ref_chosen=(ref_chosen, "B"),
                 ref_rejected=(ref_rejected, "B"))
    check_some("chosen", chosen)
    check_positive("beta", beta)
    u = beta * ((chosen - ref_chosen) - (rejected - ref_rejected))   # (B,)  DPO-1
    loss = -log_sigmoid(u).mean()                                    # ()    DPO-2
    return loss, Cache(u, beta)


def backward(dloss, cache):
    """Return dchosen and drejected: () -> (B,), (B,)."""
    u, beta = cache
    check_cotangent("dloss", dloss, (), u.dtype, number=True)
    du = -np.exp(log_sigmoid(-u)) * u.dtype.type(dloss) / len(u)     # (B,)  DPO-3
    dchosen = beta * du                                              # (B,)  DPO-4
    drejected = -beta * du                                           # (B,)  DPO-5
    return dchosen, drejected
