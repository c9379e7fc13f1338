"""The llama: a table of tokens, blocks, a last norm, and a head. Derivation: llama.md."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from . import cross_entropy, grouped_attention, linear, llama_block, rms_norm, swiglu
from .embedding import Table
from .tools.arguments import check_config, check_cotangent, check_floats, check_ids


@dataclass(frozen=True)
class Config:
    """Everything that sizes the model; raises ValueError for a size that can't be built."""

    vocab_size: int             # V
    block_size: int             # S, the longest sequence
    n_layer: int                # L
    n_head: int                 # H
    n_kv_head: int              # K
    n_embd: int                 # C
    n_hidden: int               # F
    rope_base: float = 10000.0
    eps: float = 1e-5           # of every norm
    tied: bool = False          # whether the head is the table of tokens

    def __post_init__(self):
        for name, size in [*vars(self).items()][:7]:
            if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
                raise ValueError(f"{name} is {size!r}; allowed: an integer of at least 1")
        if self.n_embd % (2 * self.n_head):
            raise ValueError(f"n_embd is {self.n_embd}; allowed: a multiple of 2 n_head = "
                             f"{2 * self.n_head}, as rope turns pairs of channels in each head")
        if self.n_head % self.n_kv_head:
            raise ValueError(
                f"n_kv_head is {self.n_kv_head}; allowed: a divisor of n_head = {self.n_head}")
        if not 1 < self.rope_base < math.inf:
            raise ValueError(f"rope_base is {self.rope_base}; allowed: a finite number above 1")
        if not 0 < self.eps < math.inf:
            raise ValueError(f"eps is {self.eps}; allowed: a finite number above 0")
        if not isinstance(self.tied, bool):
            raise ValueError(f"tied is {self.tied!r}; allowed: True or False")


class Params(NamedTuple):
    embedding: Table             # weight (V, C)
    blocks: tuple                # of llama_block.Params, L of them
    norm: rms_norm.Params
    head: linear.Weight | tuple  # weight (V, C), or () where it is the embedding's


class Cache(NamedTuple):
    tokens: Array     # (B, T)
    blocks: tuple     # of llama_block.Cache, L of them
    norm: rms_norm.Cache
    h: Array          # (B, T, C)
    head: Array       # (V, C)
    tied: bool


def init(config, rng, dtype=np.float32, std=0.02):
    """Return initial parameters: normals of deviation std, norms the identity.

    The two projections of a block that end in the residual stream get std / sqrt(2L), as in
    gpt.init.
    """
    V, L, C, F = config.vocab_size, config.n_layer, config.n_embd, config.n_hidden
    shared = config.n_kv_head * (C // config.n_head)  # rows of the keys and of the values
    residual = std / math.sqrt(2 * L)

    def normal(*shape, std=std):
        return (rng.standard_normal(shape) * std).astype(dtype)

    def weight(out, into, std=std):
        return linear.Weight(normal(out, into, std=std))

    def norm():
        return rms_norm.Params(np.ones(C, dtype))

    def block():
        attention = grouped_attention.Params(
            weight(C, C), weight(shared, C), weight(shared, C), weight(C, C, residual))
        mlp = swiglu.Params(weight(F, C), weight(F, C), weight(C, F, residual))
        return llama_block.Params(norm(), attention, norm(), mlp)

    return Params(Table(normal(V, C)), tuple(block() for _ in range(L)), norm(),
                  () if config.tied else weight(V, C))


def draw_keep(rng, B, T, config):
    """Return None: a llama has no dropout, but training asks every model for its masks."""
    return None


def forward(tokens, p, *, config, keep=None):
    """Return the logits of each next token: (B, T) -> (B, T, V).

    Raises ValueError for a config not of p's sizes, T outside 1 .. S or a keep that is not None,
    IndexError for an id >= V.
    """
    check_arguments(tokens, p, config, keep)
    caches = []
    x = p.embedding.weight[tokens]                                           # (B, T, C)  LL-1
    for params in p.blocks:
        x, cache = llama_block.forward(
            x, params, n_head=config.n_head, n_kv_head=config.n_kv_head,
            rope_base=config.rope_base, eps=config.eps)                      # (B, T, C)  LL-2
        caches.append(cache)
    h, norm = rms_norm.forward(x, p.norm, eps=config.eps)                    # (B, T, C)  LL-3
    head = (p.head or p.embedding).weight                                    # (V, C)
    logits = (h.reshape(-1, h.shape[-1]) @ head.T).reshape(*tokens.shape, -1)  # (B, T, V)  LL-4
    return logits, Cache(tokens, tuple(caches), norm, h, head, config.tied)


def backward(dlogits, cache):
    """Return the gradients of all parameters, () for a tied head: (B, T, V) -> Params."""
    V, C = cache.head.shape
    check_cotangent("dlogits", dlogits, (*cache.h.shape[:-1], V), cache.h.dtype)
    dlogits_rows = dlogits.reshape(-1, V)                                    # (N, V)
    dh = (dlogits_rows @ cache.head).reshape(cache.h.shape)                  # (B, T, C)  LL-5
    dhead = dlogits_rows.T @ cache.h.reshape(-1, C)                          # (V, C)     LL-6
    dx, dnorm = rms_norm.backward(dh, cache.norm)                            # (B, T, C)  LL-7
    dblocks = []
    for block_cache in reversed(cache.blocks):
        dx, dblock = llama_block.backward(dx, block_cache)                   # (B, T, C)  LL-8
        dblocks.insert(0, dblock)
    dtable = np.zeros_like(dhead)                                            # (V, C)
    np.add.at(dtable, cache.tokens, dx)                                      # (V, C)     LL-9
    if cache.tied:
        dtable += dhead                                                      # (V, C)     LL-10
    untied = () if cache.tied else linear.Weight(dhead)
    return Params(Table(dtable), tuple(dblocks), dnorm, untied)


def loss(tokens, targets, p, *, config, keep=None):
    """Return the mean cross-entropy: (B, T), (B, T) -> ()."""
    logits, _ = forward(tokens, p, config=config, keep=keep)
    return cross_entropy.forward(logits, targets)[0]


def loss_and_grad(tokens, targets, p, *, config, keep=None):
    """Return the mean cross-entropy and its gradients: (B, T), (B, T) -> (), Params."""
    logits, cache = forward(tokens, p, config=config, keep=keep)
    loss, loss_cache = cross_entropy.forward(logits, targets)
    dlogits = cross_entropy.backward(np.ones_like(loss), loss_cache)         # (B, T, V)
    del logits, loss_cache  # two arrays of that size, before backward makes its own
    return loss, backward(dlogits, cache)


def check_arguments(tokens, p, config, keep=None):
    """Refuse what forward's docstring says."""
    check_floats(embedding=(p.embedding.weight, "VC"), norm=(p.norm.weight, "C"),
                 head=((p.head or p.embedding).weight, "VC"))
    (V, C), S = p.embedding.weight.shape, config.block_size
    check_config(config, vocab_size=V, n_layer=len(p.blocks), n_embd=C,
                 n_hidden=len(p.blocks[0].mlp.gate.weight), tied=not p.head)
    check_ids("tokens", tokens, V)
    if tokens.ndim != 2 or tokens.shape[1] > S:
        raise ValueError(f"tokens has shape {tokens.shape}; allowed: (B, T) with T from 1 to {S}")
    if keep is not None:
        raise ValueError(f"keep is a {type(keep).__name__}; allowed: None, as there is no dropout")
