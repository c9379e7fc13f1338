"""Policy gradients, as PyTorch's users write them."""

import torch

from .clipped_surrogate import ClippedSurrogate
from .sequence_logp import SequenceLogp

KINDS = "reward", "mean", "others", "scaled"


def advantages(rewards, *, kind="scaled"):
    """Return how much better each answer of a group is than expected: (..., G) -> (..., G)."""
    G = rewards.shape[-1]
    if kind not in KINDS:
        raise ValueError(f"kind is {kind}; allowed: {', '.join(KINDS)}")
    if G < 2 and kind != "reward":
        raise ValueError(f"a group has {G} answers; allowed: from 2 up")
    if kind == "reward":
        return rewards.clone()                                           # PG-3
    equal = rewards.amax(-1, keepdim=True) == rewards.amin(-1, keepdim=True)
    centred = (rewards - rewards.mean(-1, keepdim=True)).masked_fill(equal, 0)   # PG-4
    if kind == "others":
        return centred * G / (G - 1)                                     # PG-5
    if kind == "scaled":
        deviation = rewards.std(-1, correction=0, keepdim=True)
        return centred / deviation.masked_fill(equal, 1)                 # PG-6
    return centred


def true_gradient(probs, rewards):
    """Return the gradient of the expected reward to the logits of K answers: (K,), (K,) -> (K,)."""
    logits = probs.log().requires_grad_()
    with torch.enable_grad():
        gradient, = torch.autograd.grad(logits.softmax(-1) @ rewards, logits)    # PG-1
    return gradient


def mean_estimate(probs, rewards, *, size, kind):
    """Return the mean, over all groups, of what a group estimates: (K,), (K,) -> (K,)."""
    answers = torch.arange(len(probs))
    groups = torch.cartesian_prod(*[answers] * size)                     # (K^G, G)
    score = torch.eye(len(probs), dtype=probs.dtype) - probs             # PG-2
    found = advantages(rewards[groups], kind=kind)
    estimates = (found[..., None] * score[groups]).mean(1)               # (K^G, K)
    return probs[groups].prod(-1) @ estimates                            # PG-7


def picked(logits, uniforms):
    """Return the ids that uniform numbers in [0, 1) pick: (N, V), (N,) -> (N,)."""
    cumulated = logits.softmax(-1).cumsum(-1)
    return torch.searchsorted(cumulated, uniforms[:, None] * cumulated[:, -1:], right=True)[:, 0]


def answer_logp(logits, answers, counted):
    """Return the log-probability of each answer: (N, T, V), (N, T), (N, T) -> (N,)."""
    return SequenceLogp()(logits, answers, counted)


def success(logits, answers, counted):
    """Return how probable the right answers are, and which share of them the likeliest tokens give:
    (N, T, V), (N, T), (N, T) -> (), ().
    """
    probs = answer_logp(logits, answers, counted).exp()
    likeliest = logits.argmax(-1) == answers
    return probs.mean(), (likeliest | ~counted).all(-1).double().mean()


def loss(tokens, answers, counted, old_logp, advantages, model, *, epsilon=0.2, keep=None):
    """Return the clipped surrogate of sampled answers: (N, T), (N, T), (N, T), (N,), (N,) -> ()."""
    logp = answer_logp(model(tokens, keep), answers, counted)
    return ClippedSurrogate(epsilon)(logp, old_logp, advantages)
