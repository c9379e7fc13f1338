"""Skip-gram with negative sampling, the loss of word2vec. Derivation: skip_gram.md."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..embedding import Table
from ..tools.arguments import check_cotangent, check_finite, check_floats, check_ids
from ..tools.logistic import log_sigmoid


class Params(NamedTuple):
    word: Table       # (V, C)  of a word where its context is to be told
    context: Table    # (V, C)  of a word where it is the context


class Cache(NamedTuple):
    ids: tuple        # words, contexts, noise
    rows: tuple       # w, c, q
    u: Array          # (B,)
    s: Array          # (B, M)
    shape: tuple      # (V, C)


@np.errstate(over="ignore", invalid="ignore")  # a loss that is not finite is refused
def forward(words, contexts, noise, p):
    """Return the mean of -log sigmoid(u) - sum log sigmoid(-s): (B,), (B,), (B, M) -> ().

    u scores a word with its context, s with each of M drawn words. Raises ValueError for shapes,
    IndexError for an id outside 0 .. V - 1, FloatingPointError for a loss that is not finite.
    Source: Mikolov et al., "Distributed Representations of Words and Phrases" (2013), equation 4.
    """
    check_floats(word=(p.word.weight, "VC"), context=(p.context.weight, "VC"))
    for name, ids in dict(words=words, contexts=contexts, noise=noise).items():
        check_ids(name, ids, len(p.word.weight))
    if noise.ndim != 2 or not words.shape == contexts.shape == noise.shape[:1]:
        raise ValueError(f"words, contexts, noise have shapes {words.shape}, {contexts.shape}, "
                         f"{noise.shape}; allowed: (B,), (B,), (B, M)")
    w, c = p.word.weight[words], p.context.weight[contexts]          # (B, C)      SKIP-1
    q = p.context.weight[noise]                                      # (B, M, C)   SKIP-2
    u = (w * c).sum(-1)                                              # (B,)        SKIP-3
    s = (q @ w[..., None])[..., 0]                                   # (B, M)      SKIP-4
    loss = -(log_sigmoid(u) + log_sigmoid(-s).sum(-1)).mean()        # ()          SKIP-5
    check_finite("loss in skip_gram", loss)
    return loss, Cache((words, contexts, noise), (w, c, q), u, s, p.word.weight.shape)


def backward(dloss, cache):
    """Return the gradients of both tables: () -> Params."""
    (words, contexts, noise), (w, c, q), u, s, shape = cache
    check_cotangent("dloss", dloss, (), u.dtype, number=True)
    du = -np.exp(log_sigmoid(-u))[:, None] * dloss / len(u)          # (B, 1)      SKIP-6
    ds = np.exp(log_sigmoid(s))[..., None] * dloss / len(u)          # (B, M, 1)   SKIP-7
    dw = du * c + (ds * q).sum(1)                                    # (B, C)      SKIP-8
    dword, dcontext = np.zeros((2, *shape), w.dtype)                 # (V, C)
    np.add.at(dword, words, dw)                                      # (V, C)      SKIP-9
    np.add.at(dcontext, contexts, du * w)                            # (V, C)      SKIP-10
    np.add.at(dcontext, noise, ds * w[:, None])                      # (V, C)      SKIP-11
    return Params(Table(dword), Table(dcontext))
