"""Vectors of words: what they learn from, and what is asked of them. Derivation: word2vec.md."""

from dataclasses import dataclass

import numpy as np

from ..embedding import Table
from ..tools.arguments import check_ids, check_positive, check_some
from . import skip_gram


@dataclass(frozen=True)
class Config:
    vocab_size: int  # V
    n_embd: int      # C


def init(config, rng, dtype=np.float64, std=0.1):
    """Return drawn parameters of skip_gram: normal, of deviation std."""
    shape = config.vocab_size, config.n_embd
    return skip_gram.Params(*(Table((std * rng.standard_normal(shape)).astype(dtype))
                              for _ in range(2)))


def loss_and_grad(words, contexts, noise, p, *, config, keep=None):
    """Return the loss of skip_gram and its gradients: (B,), (B,), (B, M) -> (), Params."""
    loss, cache = skip_gram.forward(words, contexts, noise, p)
    return loss, skip_gram.backward(1.0, cache)


def kept_share(counts, *, most):
    """Return the probability of keeping each word of a text: (V,) -> (V,).

    A word of a larger share of the text than most is thinned out. Raises ValueError for a most or
    a count that isn't above 0. Source: Mikolov et al., "Distributed Representations of Words and
    Phrases" (2013), equation 5.
    """
    check_positive("most", most)
    check_some("counts", counts)
    check_positive("the least of counts", counts.min())
    share = counts / counts.sum()                                    # (V,)   WORD-1
    return np.minimum(np.sqrt(most / share), 1)                      # (V,)   WORD-2


def noise_share(counts, *, power=0.75):
    """Return how probably each word is drawn as noise: (V,) -> (V,).

    Raises ValueError without a word. Source: as kept_share, section 2.2.
    """
    check_some("counts", counts)
    weights = counts ** power                                        # (V,)   WORD-3
    return weights / weights.sum()                                   # (V,)   WORD-4


def unit(vectors):
    """Return vectors of length 1: (..., C) -> (..., C)."""
    return vectors / np.sqrt((vectors ** 2).sum(-1, keepdims=True))  # (..., C)  WORD-5


def ranked(vectors, wanted, excluded):
    """Return all words by how near they are to the wanted vectors, those of the query last:
    (V, C), (N, C), (N, Q) -> (N, V).

    vectors have length 1. Raises IndexError for an excluded id outside 0 .. V - 1.
    """
    check_ids("excluded", excluded, len(vectors))
    nearness = wanted @ vectors.T                                    # (N, V)  WORD-6
    np.put_along_axis(nearness, excluded, -np.inf, -1)               # (N, V)  WORD-7
    return np.argsort(-nearness, kind="stable")                      # (N, V)  WORD-8


def answers(vectors, questions):
    """Return d for each question "a is to b as c is to d": (V, C), (N, 3) -> (N,).

    vectors have length 1. Raises IndexError for an id outside 0 .. V - 1.
    """
    check_ids("questions", questions, len(vectors))
    a, b, c = np.moveaxis(vectors[questions], 1, 0)                  # (N, C)
    wanted = b - a + c                                               # (N, C)  WORD-9
    return ranked(vectors, wanted, questions)[:, 0]                  # (N,)    WORD-10
