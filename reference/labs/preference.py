"""A language of so few texts that all of preference can be computed. Derivation: preference.md."""

import itertools
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from .. import gpt
from ..tools.arguments import check_positive
from ..tools.logistic import log_sigmoid
from . import dpo, kto, sequence_logp, simpo

SYMBOLS, LONGEST = 6, 4
END, V, T = SYMBOLS, SYMBOLS + 1, LONGEST + 1
ALLOWED = np.ones((T, V), bool)  # what may stand where: a symbol first, the end last
ALLOWED[0, END] = ALLOWED[-1, :END] = False


class Texts(NamedTuple):
    """Texts as a model reads them; before each stands the end of another one."""

    inputs: Array   # (N, T)
    targets: Array  # (N, T), the next tokens
    counted: Array  # (N, T), True up to the end


def every_text():
    """Return all texts of one to LONGEST symbols, the shortest first: N = 1554."""
    symbols = [text for length in range(1, T) for text in
               itertools.product(range(SYMBOLS), repeat=length)]
    targets = np.array([text + (END,) * (T - len(text)) for text in symbols])    # (N, T)
    counted = np.arange(T) <= np.array(list(map(len, symbols)))[:, None]         # (N, T)
    return Texts(np.roll(targets, 1, axis=1), targets, counted)


def text_logp(logits, targets, counted):
    """Return the log-probability of texts: (B, T, V), (B, T), (B, T) -> (B,)."""
    allowed = np.where(ALLOWED, logits, -np.inf)                     # (B, T, V)
    return sequence_logp.forward(allowed, targets, counted=counted)[0]


def even_less_odd(targets):
    """Return the reward, the even symbols less the odd ones: (N, T) -> (N,)."""
    signs = np.where(targets == END, 0, 1 - 2 * (targets % 2))       # (N, T)
    return signs.sum(-1).astype(float)                               # (N,)      PREF-1


def prefers(reward, other):
    """Return how probably the first of two texts is preferred: (N,), (N,) -> (N,)."""
    return np.exp(log_sigmoid(reward - other))                       # (N,)      PREF-2


def expected(logp, values):
    """Return the mean over all texts of their values: (N,), (N,) -> ()."""
    return np.sum(np.exp(logp) * values)                             # ()        PREF-3


def divergence(logp, other):
    """Return how far a model is from another, over all texts, in nats: (N,), (N,) -> ()."""
    return np.sum(np.exp(logp) * (logp - other))                     # ()        PREF-4


def optimum(ref_logp, reward, *, beta):
    """Return the best model, for whose distance beta is paid: (N,), (N,) -> (N,).

    Raises ValueError for a beta that isn't above 0.
    Source: Rafailov et al., "Direct Preference Optimization" (2023), equation 4.
    """
    check_positive("beta", beta)
    a = ref_logp + reward / beta                                     # (N,)
    return a - a.max() - np.log(np.exp(a - a.max()).sum())           # (N,)      PREF-5


def ranked_right(score, reward, logp):
    """Return the share of pairs, drawn by logp, whose scores are in the order of their rewards:
    (N,), (N,), (N,) -> ()."""
    pairs = np.exp(logp[:, None] + logp) * (reward[:, None] > reward)    # (N, N)
    return (pairs * (score[:, None] > score)).sum() / pairs.sum()    # ()        PREF-6


def check_texts(chosen, rejected):
    """Refuse pairs that teach nothing, none or one of equal texts, with a ValueError."""
    if len(chosen) == 0:
        raise ValueError("the number of pairs is 0; allowed: 1 or more")
    if (same := (chosen == rejected).all(-1)).any():
        raise ValueError(f"pair {np.argmax(same)} is a text and the same text; "
                         "allowed: two different texts")


def loss_and_grad(inputs, targets, counted, ref_logp, z0, p, *, config, method, keep=None,
                  **options):
    """Return a loss of texts and its gradients: (B, T), (B, T), (B, T), (B,), () -> (), Params.

    The first half are chosen, or desirable, the second half are not. method is dpo, kto or simpo,
    options are its hyperparameters. Raises ValueError for pairs that teach nothing.
    """
    chosen, rejected = np.split(np.arange(len(targets)), 2)
    check_texts(targets[chosen], targets[rejected])
    logits, cache = gpt.forward(inputs, p, config=config, keep=keep)
    logp, texts = sequence_logp.forward(np.where(ALLOWED, logits, -np.inf), targets,
                                        counted=counted)
    if method == "kto":
        desirable = np.arange(len(logp)) < len(chosen)               # (B,)
        loss, kept = kto.forward(logp, ref_logp=ref_logp, desirable=desirable, z0=z0, **options)
        dlogp = kto.backward(1.0, kept)                              # (B,)
    elif method == "dpo":
        loss, kept = dpo.forward(logp[chosen], logp[rejected], ref_chosen=ref_logp[chosen],
                                 ref_rejected=ref_logp[rejected], **options)
        dlogp = np.concatenate(dpo.backward(1.0, kept))              # (B,)
    else:
        lengths = counted.sum(-1)                                    # (B,)  with the end
        loss, kept = simpo.forward(logp[chosen], logp[rejected], chosen_length=lengths[chosen],
                                   rejected_length=lengths[rejected], **options)
        dlogp = np.concatenate(simpo.backward(1.0, kept))            # (B,)
    return loss, gpt.backward(sequence_logp.backward(dlogp, texts), cache)
