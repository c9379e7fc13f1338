"""Vectors of words: what they learn from, and what is asked of them, in PyTorch."""

import torch
from torch.nn import functional as F


def loss(words, contexts, noise, model, *, keep=None):
    """Return the loss of SkipGram: (B,), (B,), (B, M) -> ()."""
    return model(words, contexts, noise)


def kept_share(counts, *, most):
    """Return the probability of keeping each word of a text: (V,) -> (V,)."""
    share = counts.double() / counts.sum()                           # WORD-1
    return (most / share).sqrt().clamp(max=1)                        # WORD-2


def noise_share(counts, *, power=0.75):
    """Return how probably each word is drawn as noise: (V,) -> (V,)."""
    weights = counts.double() ** power                               # WORD-3
    return weights / weights.sum()                                   # WORD-4


def unit(vectors):
    """Return vectors of length 1: (..., C) -> (..., C)."""
    return F.normalize(vectors, dim=-1)                              # WORD-5


def ranked(vectors, wanted, excluded):
    """Return all words by how near they are to the wanted vectors, those of the query last:
    (V, C), (N, C), (N, Q) -> (N, V)."""
    nearness = wanted @ vectors.T                                    # WORD-6
    nearness = nearness.scatter(-1, excluded, -torch.inf)            # WORD-7
    return nearness.argsort(dim=-1, descending=True, stable=True)    # WORD-8


def answers(vectors, questions):
    """Return d for each question "a is to b as c is to d": (V, C), (N, 3) -> (N,)."""
    a, b, c = vectors[questions].unbind(1)
    return ranked(vectors, b - a + c, questions)[:, 0]               # WORD-9 .. WORD-10
