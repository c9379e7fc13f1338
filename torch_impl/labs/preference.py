"""A language of so few texts that all of preference can be computed, in PyTorch."""

import torch
from torch.nn import functional as F

from .dpo import DPO
from .kto import KTO
from .sequence_logp import SequenceLogp
from .simpo import SimPO

SYMBOLS, LONGEST = 6, 4
END, V, T = SYMBOLS, SYMBOLS + 1, LONGEST + 1
ALLOWED = torch.ones(T, V, dtype=torch.bool)  # what may stand where: a symbol first, the end last
ALLOWED[0, END] = False
ALLOWED[-1, :END] = False


def text_logp(logits, targets, counted):
    """Return the log-probability of texts: (B, T, V), (B, T), (B, T) -> (B,)."""
    allowed = logits.masked_fill(~ALLOWED, -torch.inf)
    return SequenceLogp()(allowed, targets, counted)


def even_less_odd(targets):
    """Return the reward, the even symbols less the odd ones: (N, T) -> (N,)."""
    signs = (1 - 2 * (targets % 2)).masked_fill(targets == END, 0)
    return signs.sum(-1).double()                                    # PREF-1


def prefers(reward, other):
    """Return how probably the first of two texts is preferred: (N,), (N,) -> (N,)."""
    return torch.sigmoid(reward - other)                             # PREF-2


def expected(logp, values):
    """Return the mean over all texts of their values: (N,), (N,) -> ()."""
    return logp.exp() @ values                                       # PREF-3


def divergence(logp, other):
    """Return how far a model is from another, over all texts, in nats: (N,), (N,) -> ()."""
    return F.kl_div(other, logp, reduction="sum", log_target=True)   # PREF-4


def optimum(ref_logp, reward, *, beta):
    """Return the best model, for whose distance beta is paid: (N,), (N,) -> (N,)."""
    return torch.log_softmax(ref_logp + reward / beta, dim=-1)       # PREF-5


def ranked_right(score, reward, logp):
    """Return the share of pairs, drawn by logp, whose scores are in the order of their rewards:
    (N,), (N,), (N,) -> ()."""
    pairs = (logp[:, None] + logp).exp() * (reward[:, None] > reward)
    return (pairs * (score[:, None] > score)).sum() / pairs.sum()    # PREF-6


def loss(inputs, targets, counted, ref_logp, z0, model, *, method, keep=None, **options):
    """Return a loss of texts: (B, T), (B, T), (B, T), (B,), () -> ().

    The first half are chosen, or desirable, the second half are not.
    """
    logp = text_logp(model(inputs, keep), targets, counted)
    if method == "kto":
        return KTO(**options)(logp, ref_logp, torch.arange(len(logp)) < len(logp) // 2, z0)
    if method == "dpo":
        return DPO(**options)(*logp.chunk(2), *ref_logp.chunk(2))
    return SimPO(**options)(*logp.chunk(2), *counted.sum(-1).chunk(2))
