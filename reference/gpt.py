"""The GPT: embedding, blocks, a last norm, and a head tied to the embedding. Derivation: gpt.md."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from . import attention, block, cross_entropy, dropout, embedding, layer_norm, linear, mlp
from .tools.arguments import check_config, check_cotangent, check_rate


@dataclass(frozen=True)
class Config:
    """Everything that sizes the model; raises ValueError for a size that can't be built."""

    vocab_size: int       # V
    block_size: int       # S, the longest sequence
    n_layer: int          # L
    n_head: int           # H
    n_embd: int           # C
    dropout: float = 0.0  # the rate of every dropout

    def __post_init__(self):
        for name, size in [*vars(self).items()][:-1]:
            if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
                raise ValueError(f"{name} is {size!r}; allowed: an integer of at least 1")
        if self.n_embd % self.n_head:
            raise ValueError(
                f"n_embd is {self.n_embd}; allowed: a multiple of n_head = {self.n_head}")
        check_rate("dropout", self.dropout)


class Params(NamedTuple):
    embedding: embedding.Params
    blocks: tuple  # of block.Params, L of them
    norm: layer_norm.Params


class Keep(NamedTuple):
    embedding: Array  # (B, T, C)
    blocks: tuple     # of block.Keep, L of them


class Cache(NamedTuple):
    embedding: embedding.Cache
    drop: dropout.Cache | None
    blocks: tuple     # of block.Cache, L of them
    norm: layer_norm.Cache
    h: Array          # (B, T, C)
    table: Array      # (V, C)


def init(config, rng, dtype=np.float32, std=0.02):
    """Return initial parameters: normals of deviation std, biases 0, norms the identity.

    The two projections of a block that end in the residual stream get std / sqrt(2L), since 2L of
    them add up there. Source: Radford et al. (2019), section 2.3, for that factor; GPT-2's code for
    the rest, but for its position table, which has 0.01 there.
    """
    V, S, L, C = config.vocab_size, config.block_size, config.n_layer, config.n_embd

    def normal(*shape, std=std):
        return (rng.standard_normal(shape) * std).astype(dtype)

    def affine(out, into, std=std):
        return linear.Params(normal(out, into, std=std), np.zeros(out, dtype))

    def norm():
        return layer_norm.Params(np.ones(C, dtype), np.zeros(C, dtype))

    residual = std / math.sqrt(2 * L)
    tables = embedding.Params(embedding.Table(normal(V, C)), embedding.Table(normal(S, C)))
    blocks = tuple(block.Params(
        norm(), attention.Params(affine(3 * C, C), affine(C, C, residual)),
        norm(), mlp.Params(affine(4 * C, C), affine(C, 4 * C, residual))) for _ in range(L))
    return Params(tables, blocks, norm())


def draw_keep(rng, B, T, config):
    """Return the masks of one training step, or None where dropout is 0."""
    C, H, rate = config.n_embd, config.n_head, config.dropout
    if rate == 0:
        return None
    return Keep(dropout.draw_keep(rng, (B, T, C), rate),
                tuple(block.draw_keep(rng, B, T, C, H, rate) for _ in range(config.n_layer)))


def forward(tokens, p, *, config, keep: Keep | None = None):
    """Return the logits of each next token: (B, T) -> (B, T, V).

    Raises ValueError for a config not of p's sizes or T outside 1 .. S, IndexError for an id >= V.
    """
    check_config(config, vocab_size=len(p.embedding.token.weight), n_layer=len(p.blocks),
                 block_size=len(p.embedding.position.weight), n_embd=len(p.norm.weight))
    if keep is not None and len(keep.blocks) != len(p.blocks):
        raise ValueError(f"keep has masks of {len(keep.blocks)} blocks; allowed: {len(p.blocks)}")
    drop, caches = None, []
    x, embedded = embedding.forward(tokens, p.embedding)                 # (B, T, C)  LM-1
    if keep is not None:
        x, drop = dropout.forward(
            x, keep.embedding, rate=config.dropout)                      # (B, T, C)  LM-2
    for i, params in enumerate(p.blocks):
        x, cache = block.forward(
            x, params, n_head=config.n_head,
            keep=keep and keep.blocks[i], rate=config.dropout)           # (B, T, C)  LM-3
        caches.append(cache)
    h, norm = layer_norm.forward(x, p.norm)                              # (B, T, C)  LM-4
    table = p.embedding.token.weight                                     # (V, C)     the tied head
    logits = (h.reshape(-1, h.shape[-1]) @ table.T).reshape(*tokens.shape, -1)   # (B, T, V)  LM-5
    return logits, Cache(embedded, drop, tuple(caches), norm, h, table)


def backward(dlogits, cache):
    """Return the gradients of all parameters: (B, T, V) -> Params."""
    V, C = cache.table.shape
    check_cotangent("dlogits", dlogits, (*cache.h.shape[:-1], V), cache.h.dtype)
    dlogits_rows = dlogits.reshape(-1, V)                                # (N, V)
    dh = (dlogits_rows @ cache.table).reshape(cache.h.shape)             # (B, T, C)  LM-6
    dhead = dlogits_rows.T @ cache.h.reshape(-1, C)                      # (V, C)     LM-7
    dx, dnorm = layer_norm.backward(dh, cache.norm)                      # (B, T, C)  LM-8
    dblocks = []
    for block_cache in reversed(cache.blocks):
        dx, dblock = block.backward(dx, block_cache)                     # (B, T, C)  LM-9
        dblocks.insert(0, dblock)
    if cache.drop is not None:
        dx = dropout.backward(dx, cache.drop)                            # (B, T, C)  LM-10
    dembedding = embedding.backward(dx, cache.embedding)                 # (V, C), (S, C)  LM-11
    dtable = dembedding.token.weight                                     # (V, C)
    dtable += dhead                                                      # (V, C)     LM-12
    return Params(embedding.Params(embedding.Table(dtable), dembedding.position),
                  tuple(dblocks), dnorm)


def loss(tokens, targets, p, *, config, keep: Keep | None = None):
    """Return the mean cross-entropy: (B, T), (B, T) -> ()."""
    logits, _ = forward(tokens, p, config=config, keep=keep)
    return cross_entropy.forward(logits, targets)[0]


def loss_and_grad(tokens, targets, p, *, config, keep: Keep | None = None):
    """Return the mean cross-entropy and its gradients: (B, T), (B, T) -> (), Params."""
    logits, cache = forward(tokens, p, config=config, keep=keep)
    loss, loss_cache = cross_entropy.forward(logits, targets)
    dlogits = cross_entropy.backward(np.ones_like(loss), loss_cache)     # (B, T, V)
    del logits, loss_cache  # two arrays of that size, before backward makes its own
    return loss, backward(dlogits, cache)
