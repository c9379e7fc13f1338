"""A model of patches of bytes: one model over patches, one inside of each. Derivation: megabyte.md.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from .. import block, cross_entropy, embedding, gpt, layer_norm
from ..tools.arguments import check_config, check_cotangent, check_floats, check_ids


@dataclass(frozen=True)
class Config:
    """Everything that sizes the model; raises ValueError for a size that can't be built."""

    vocab_size: int  # V
    block_size: int  # S, the longest text
    patch: int       # M bytes
    n_global: int    # blocks over patches, each M C wide
    n_local: int     # blocks inside of a patch, each C wide
    n_head: int      # H, of both
    n_embd: int      # C

    def __post_init__(self):
        for name, size in vars(self).items():
            if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
                raise ValueError(f"{name} is {size!r}; allowed: an integer of at least 1")
        if self.n_embd % self.n_head:
            raise ValueError(
                f"n_embd is {self.n_embd}; allowed: a multiple of n_head = {self.n_head}")


class Params(NamedTuple):
    embedding: embedding.Params
    start_patch: Array    # (M, C), in place of a patch before the first
    start_byte: Array     # (C,), in place of a byte before a patch's first
    global_blocks: tuple  # of block.Params, M C wide
    local_blocks: tuple   # of block.Params, C wide
    norm: layer_norm.Params


class Cache(NamedTuple):
    embedding: embedding.Cache
    global_blocks: tuple  # of block.Cache
    local_blocks: tuple   # of block.Cache
    norm: layer_norm.Cache
    h: Array              # (B Q, M, C)
    table: Array          # (V, C)


def init(config, rng, dtype=np.float32, std=0.02):
    """Return initial parameters, as gpt.init draws them."""
    V, S, M, C = config.vocab_size, config.block_size, config.patch, config.n_embd
    over, inside = (gpt.init(gpt.Config(V, S, n_layer, config.n_head, width), rng, dtype, std)
                    for n_layer, width in ((config.n_global, M * C), (config.n_local, C)))
    start = (rng.standard_normal((M + 1, C)) * std).astype(dtype)
    return Params(inside.embedding, start[1:], start[0], over.blocks, inside.blocks, inside.norm)


def forward(tokens, p, *, config):
    """Return the logits of each byte, from those before it: (B, T) -> (B, T, V).

    Raises ValueError for a config not of p's sizes or T that is no multiple of M.
    Source: Yu et al., "MEGABYTE" (2023).
    """
    check_arguments(tokens, p, config)
    M, C = p.start_patch.shape
    B, T = tokens.shape
    Q, caches = T // M, ([], [])
    x, embedded = embedding.forward(tokens, p.embedding)                  # (B, T, C)     MB-1
    g = later(x.reshape(B, Q, M * C), p.start_patch.reshape(-1))          # (B, Q, M C)   MB-2
    for params in p.global_blocks:
        g, cache = block.forward(g, params, n_head=config.n_head)         # (B, Q, M C)   MB-3
        caches[0].append(cache)
    before = later(x.reshape(-1, M, C), p.start_byte)                     # (B Q, M, C)   MB-4
    y = g.reshape(-1, M, C) + before                                      # (B Q, M, C)   MB-5
    for params in p.local_blocks:
        y, cache = block.forward(y, params, n_head=config.n_head)         # (B Q, M, C)   MB-6
        caches[1].append(cache)
    h, norm = layer_norm.forward(y, p.norm)                               # (B Q, M, C)   MB-7
    table = p.embedding.token.weight                                      # (V, C)
    logits = (h.reshape(-1, C) @ table.T).reshape(B, T, -1)               # (B, T, V)     MB-8
    return logits, Cache(embedded, *map(tuple, caches), norm, h, table)


def backward(dlogits, cache):
    """Return the gradients of all parameters: (B, T, V) -> Params."""
    V, C = cache.table.shape
    (B, T), M = cache.embedding.tokens.shape, cache.h.shape[1]
    check_cotangent("dlogits", dlogits, (B, T, V), cache.h.dtype)
    dblocks = [], []
    dlogits_rows = dlogits.reshape(-1, V)                                 # (N, V)
    dh = (dlogits_rows @ cache.table).reshape(cache.h.shape)              # (B Q, M, C)   MB-9
    dhead = dlogits_rows.T @ cache.h.reshape(-1, C)                       # (V, C)        MB-10
    dy, dnorm = layer_norm.backward(dh, cache.norm)                       # (B Q, M, C)   MB-11
    for block_cache in reversed(cache.local_blocks):
        dy, dblock = block.backward(dy, block_cache)                      # (B Q, M, C)   MB-12
        dblocks[1].insert(0, dblock)
    dx_local, dstart_byte = earlier(dy)                                   # (B Q, M, C)   MB-13
    dg = dy.reshape(B, -1, M * C)                                         # (B, Q, M C)   MB-14
    for block_cache in reversed(cache.global_blocks):
        dg, dblock = block.backward(dg, block_cache)                      # (B, Q, M C)   MB-15
        dblocks[0].insert(0, dblock)
    dx_global, dstart_patch = earlier(dg)                                 # (B, Q, M C)   MB-16
    dx = dx_local.reshape(B, T, C) + dx_global.reshape(B, T, C)           # (B, T, C)     MB-17
    dembedding = embedding.backward(dx, cache.embedding)                  # (V, C), (S, C)
    dtable = dembedding.token.weight + dhead                              # (V, C)        MB-18
    return Params(dembedding._replace(token=embedding.Table(dtable)), dstart_patch.reshape(M, C),
                  dstart_byte, *map(tuple, dblocks), dnorm)


def loss_and_grad(tokens, targets, p, *, config, keep=None):
    """Return the mean cross-entropy and its gradients: (B, T), (B, T) -> (), Params."""
    logits, cache = forward(tokens, p, config=config)
    loss, loss_cache = cross_entropy.forward(logits, targets)
    return loss, backward(cross_entropy.backward(np.ones_like(loss), loss_cache), cache)


def later(x, start):
    """Return each row one place later, behind the start, (E,): (N, T, E) -> (N, T, E)."""
    first = np.broadcast_to(start, x[:, :1].shape)                        # (N, 1, E)
    return np.concatenate((first, x[:, :-1]), 1)                          # (N, T, E)


def earlier(dy):
    """Return the gradients of x and start in later: (N, T, E) -> (N, T, E), (E,)."""
    last = np.zeros_like(dy[:, :1])                                       # (N, 1, E)
    return np.concatenate((dy[:, 1:], last), 1), dy[:, 0].sum(0)          # (N, T, E), (E,)


def check_arguments(tokens, p, config):
    """Refuse what forward's docstring says, and ids that embedding would not see."""
    check_floats(token=(p.embedding.token.weight, "VC"), start_patch=(p.start_patch, "MC"),
                 start_byte=(p.start_byte, "C"))
    check_ids("tokens", tokens, len(p.embedding.token.weight))
    (V, C), S = p.embedding.token.weight.shape, len(p.embedding.position.weight)
    check_config(config, vocab_size=V, block_size=S, patch=len(p.start_patch), n_embd=C,
                 n_global=len(p.global_blocks), n_local=len(p.local_blocks))
    if tokens.ndim == 2 and tokens.shape[1] % config.patch:
        raise ValueError(f"tokens has {tokens.shape[1]} bytes a text; allowed: a multiple of "
                         f"patch = {config.patch}")
