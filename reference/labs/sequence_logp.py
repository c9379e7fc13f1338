"""The log-probability of a sequence: a sum over its tokens. Derivation: sequence_logp.md."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..cross_entropy import place
from ..tools.arguments import check_bools, check_cotangent, check_finite, check_floats, check_ids
from ..tools.arguments import check_integers
from ..tools.sums import row_sum


class Cache(NamedTuple):
    probs: Array    # (B, T, V)
    tokens: Array   # (B, T)
    counted: Array  # (B, T)


@np.errstate(over="ignore")  # a difference that overflows is -inf, and its exponential rightly 0
def forward(logits, tokens, *, counted=None):
    """Return the sum of log softmax(logits)[token] over those counted: (B, T, V), (B, T) -> (B,).

    logits[:, t] are what the model says before tokens[:, t]. counted is boolean, (B, T); without
    it, every token counts. A token that doesn't count may be any id.
    Raises ValueError where the shapes differ, IndexError for a token outside V,
    FloatingPointError where a row holds a NaN or +inf, or a token had the probability 0.
    """
    check_floats(logits=(logits, "BTV"))
    check_integers("tokens", tokens, logits.shape[:-1])
    check_ids("tokens", tokens, logits.shape[-1])
    counted = np.ones(tokens.shape, bool) if counted is None else counted
    check_bools("counted", counted, "where a token counts", tokens.shape)
    top = logits.real.max(-1, keepdims=True)                         # (B, T, 1)
    check_finite("the largest logit of a row in sequence_logp", top)
    z = logits - top                                                 # (B, T, V)
    e = np.exp(z)                                                    # (B, T, V)
    total = row_sum(e)                                               # (B, T, 1)
    token_logp = z[place(tokens)] - np.log(total)[..., 0]            # (B, T)     SEQ-1
    logp = token_logp.sum(-1, where=counted)                         # (B,)       SEQ-2
    check_finite("the log-probability of a sequence", logp)
    return logp, Cache(e / total, tokens, counted)


def backward(dlogp, cache):
    """Return dlogits, exactly 0 where a token doesn't count: (B,) -> (B, T, V)."""
    probs, tokens, counted = cache
    check_cotangent("dlogp", dlogp, tokens.shape[:1], probs.dtype)
    share = counted * dlogp[:, None]                                 # (B, T)     SEQ-3
    dlogits = -probs * share[..., None]                              # (B, T, V)
    dlogits[place(tokens)] = (1 - probs[place(tokens)]) * share      # (B, T)     SEQ-4
    return dlogits
