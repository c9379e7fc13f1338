"""A GPT of attention alone: its blocks have no MLP. Derivation: attention_only.md."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from .. import attention, cross_entropy, embedding, gpt, layer_norm
from ..tools.arguments import check_config, check_cotangent


class Block(NamedTuple):
    norm_1: layer_norm.Params
    attention: attention.Params


class Params(NamedTuple):
    embedding: embedding.Params
    blocks: tuple  # of Block, L of them
    norm: layer_norm.Params


class Cache(NamedTuple):
    embedding: embedding.Cache
    blocks: tuple  # of pairs (layer_norm.Cache, attention.Cache), L of them
    norm: layer_norm.Cache
    h: Array       # (B, T, C)
    table: Array   # (V, C)


def init(config, rng, dtype=np.float32, std=0.02):
    """Return the initial parameters that gpt.init draws, without those of the MLPs."""
    p = gpt.init(config, rng, dtype, std)
    return Params(p.embedding, tuple(Block(b.norm_1, b.attention) for b in p.blocks), p.norm)


def forward(tokens, p, *, config, attend=attention.forward):
    """Return the logits of each next token: (B, T) -> (B, T, V).

    Another kind of attention may be given: its forward here, its backward to backward.
    Raises ValueError for a config not of p's sizes, with dropout, or T outside 1 .. S.
    Source: Elhage et al., "A Mathematical Framework for Transformer Circuits" (2021).
    """
    check_config(config, n_layer=len(p.blocks), n_embd=len(p.norm.weight), dropout=0)
    caches = []
    x, embedded = embedding.forward(tokens, p.embedding)             # (B, T, C)  AO-1
    for block in p.blocks:
        n, norm_1 = layer_norm.forward(x, block.norm_1)              # (B, T, C)  AO-2
        a, attended = attend(n, block.attention, n_head=config.n_head)
        x = x + a                                                    # (B, T, C)  AO-3
        caches.append((norm_1, attended))
    h, norm = layer_norm.forward(x, p.norm)                          # (B, T, C)  AO-4
    table = p.embedding.token.weight                                 # (V, C)
    return h @ table.T, Cache(embedded, tuple(caches), norm, h, table)   # (B, T, V)  AO-5


def backward(dlogits, cache, *, attend=attention.backward):
    """Return the gradients of all parameters: (B, T, V) -> Params."""
    V, C = cache.table.shape
    check_cotangent("dlogits", dlogits, (*cache.h.shape[:-1], V), cache.h.dtype)
    dx, dnorm = layer_norm.backward(dlogits @ cache.table, cache.norm)  # (B, T, C)  AO-6
    dblocks = []
    for norm_1, attended in reversed(cache.blocks):
        dn, dattention = attend(dx, attended)                        # (B, T, C)  AO-7
        dx_branch, dnorm_1 = layer_norm.backward(dn, norm_1)         # (B, T, C)
        dx = dx + dx_branch                                          # (B, T, C)  AO-8
        dblocks.insert(0, Block(dnorm_1, dattention))
    dembedding = embedding.backward(dx, cache.embedding)             # (V, C), (S, C)
    dhead = dlogits.reshape(-1, V).T @ cache.h.reshape(-1, C)        # (V, C)     AO-9
    dtable = dembedding.token.weight + dhead                         # (V, C)     AO-10
    return Params(dembedding._replace(token=embedding.Table(dtable)), tuple(dblocks), dnorm)


def loss_and_grad(tokens, targets, p, *, config, keep=None):
    """Return the mean cross-entropy and its gradients: (B, T), (B, T) -> (), Params."""
    logits, cache = forward(tokens, p, config=config)
    loss, loss_cache = cross_entropy.forward(logits, targets)
    return loss, backward(cross_entropy.backward(np.ones_like(loss), loss_cache), cache)
