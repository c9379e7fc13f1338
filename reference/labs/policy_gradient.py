"""Policy gradients: what sampled answers and their rewards say of the gradient of the expected
reward. Derivation: policy_gradient.md."""

import numpy as np

from .. import gpt, softmax
from ..tools.arguments import check_finite, check_floats
from . import clipped_surrogate, sequence_logp

KINDS = "reward", "mean", "others", "scaled"


def advantages(rewards, *, kind="scaled"):
    """Return how much better each answer of a group is than expected: (..., G) -> (..., G).

    kind is "reward" for the reward itself, "mean" for it less the group's mean, "others" for it
    less the mean of the other answers, "scaled" for "mean" over the group's deviation. A group
    whose rewards are all equal gets 0 of the last three.
    Raises ValueError for a group of one, FloatingPointError for a reward that is not finite.
    Source: Kool et al. (2019) for "others"; Shao et al. (2024), section 4, for "scaled".
    """
    check_floats(rewards=(rewards, "...G"))
    check_kind(kind)
    if rewards.shape[-1] < 2 and kind != "reward":
        raise ValueError(f"a group has {rewards.shape[-1]} answers; allowed: from 2 up")
    check_finite("a reward", rewards)
    if kind == "reward":
        return rewards.copy()                                            # (..., G)  PG-3
    G, equal = rewards.shape[-1], np.ptp(rewards, -1, keepdims=True) == 0
    centred = np.where(equal, 0, rewards - rewards.mean(-1, keepdims=True))  # (..., G)  PG-4
    if kind == "others":
        return centred * G / (G - 1)                                     # (..., G)  PG-5
    if kind == "scaled":
        deviation = np.sqrt((centred**2).mean(-1, keepdims=True))        # (..., 1)
        return centred / np.where(equal, 1, deviation)                   # (..., G)  PG-6
    return centred


def check_kind(kind):
    """Refuse a kind of advantage that there is not with a ValueError."""
    if kind not in KINDS:
        raise ValueError(f"kind is {kind}; allowed: {', '.join(KINDS)}")


def true_gradient(probs, rewards):
    """Return the gradient of the expected reward to the logits of K answers: (K,), (K,) -> (K,)."""
    return probs * (rewards - probs @ rewards)                           # (K,)  PG-1


def mean_estimate(probs, rewards, *, size, kind):
    """Return the mean, over all groups of `size` answers, of the gradient that a group estimates:
    (K,), (K,) -> (K,).

    There are K^size groups, and each counts by its probability.
    """
    K = len(probs)
    groups = np.indices((K,) * size).reshape(size, -1).T                 # (K^G, G)
    score = np.eye(K) - probs                                            # (K, K)    PG-2
    found = advantages(rewards[groups], kind=kind)                       # (K^G, G)
    estimates = (found[..., None] * score[groups]).mean(1)               # (K^G, K)
    return probs[groups].prod(-1) @ estimates                            # (K,)      PG-7


def picked(logits, uniforms):
    """Return the ids that uniform numbers in [0, 1) pick: (N, V), (N,) -> (N,).

    Each is the first whose cumulated probability exceeds the number, as in generate.pick.
    """
    cumulated = softmax.forward(logits)[0].cumsum(-1)                    # (N, V)
    return (cumulated <= uniforms[:, None] * cumulated[:, -1:]).sum(-1)  # (N,)


def answer_logp(logits, answers, counted):
    """Return the log-probability of each answer: (N, T, V), (N, T), (N, T) -> (N,)."""
    return sequence_logp.forward(logits, answers, counted=counted)[0]


def success(logits, answers, counted):
    """Return how probable the right answers are, and which share of them the likeliest tokens give:
    (N, T, V), (N, T), (N, T) -> (), ().

    logits are those of the prompts with the right answers: the likeliest tokens give such an
    answer where each of its tokens is the likeliest after the ones before.
    """
    probs = np.exp(answer_logp(logits, answers, counted))                # (N,)
    likeliest = logits.argmax(-1) == answers                             # (N, T)
    return probs.mean(), (likeliest | ~counted).all(-1).mean()


def loss_and_grad(tokens, answers, counted, old_logp, advantages, p, *, config, epsilon=0.2,
                  keep=None):
    """Return the clipped surrogate of sampled answers and its gradients to the parameters of a GPT:
    (N, T), (N, T), (N, T), (N,), (N,) -> (), Params.

    answers are the next tokens, and count where counted is True.
    """
    logits, model = gpt.forward(tokens, p, config=config, keep=keep)
    logp, sequence = sequence_logp.forward(logits, answers, counted=counted)
    loss, surrogate = clipped_surrogate.forward(
        logp, old_logp=old_logp, advantages=advantages, epsilon=epsilon)
    dlogp = clipped_surrogate.backward(np.ones_like(loss), surrogate)    # (N,)
    return loss, gpt.backward(sequence_logp.backward(dlogp, sequence), model)
