"""A frozen llama with adapters, block by block: the gradients of adaptation.loss_and_grad, in less
memory, since what is frozen gets none.

The frozen weights may stay packed. Only one block at a time has its weights as floats, merged with
its adapters, forward and again backward: between the two a cache keeps what it saw, not those.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .. import cross_entropy, llama_block, rms_norm
from ..labs import adaptation, lora
from ..tools import tree
from ..tools.arguments import check_cotangent, check_ids
from .packed import Packed, as_floats
from .packed_llama import block_params


class Cache(NamedTuple):
    blocks: list    # of llama_block.Cache, without weights
    norm: rms_norm.Cache
    adapters: tuple
    frozen: tuple
    scale: float


def forward(tokens, adapters, *, config, frozen, scale):
    """Return the logits of a llama whose parameters are frozen: (B, T) -> (B, T, V).

    adapters are as adaptation.init makes them. Raises what llama.forward does.
    """
    check_ids("tokens", tokens, config.vocab_size)
    x = frozen.embedding.weight[tokens.reshape(-1)].reshape(*tokens.shape, -1)  # (B, T, C)  LL-1
    caches = []
    for i in range(config.n_layer):
        x, cache = llama_block.forward(
            x, block_of(frozen, adapters, i, scale), n_head=config.n_head,
            n_kv_head=config.n_kv_head, rope_base=config.rope_base,
            eps=config.eps)                                                     # (B, T, C)  LL-2
        caches.append(with_weights(cache, None, None))
    h, norm = rms_norm.forward(x, frozen.norm, eps=config.eps)                  # (B, T, C)  LL-3
    logits = h.reshape(-1, h.shape[-1]) @ head_of(frozen).T                     # (N, V)     LL-4
    return logits.reshape(*tokens.shape, -1), Cache(caches, norm, adapters, frozen, scale)


def backward(dlogits, cache):
    """Return the gradients of the adapters: (B, T, V) -> their tree."""
    frozen, adapters, scale, xhat = cache.frozen, cache.adapters, cache.scale, cache.norm.xhat
    V = dlogits.shape[-1]
    check_cotangent("dlogits", dlogits, (*xhat.shape[:-1], V), xhat.dtype)
    dh = (dlogits.reshape(-1, V) @ head_of(frozen)).reshape(xhat.shape)         # (B, T, C)  LL-5
    dx, _ = rms_norm.backward(dh, cache.norm)                                   # (B, T, C)  LL-7
    dblocks = []
    for i in reversed(range(len(cache.blocks))):
        p = block_of(frozen, adapters, i, scale)
        dx, dp = llama_block.backward(
            dx, with_weights(cache.blocks[i], p.attention, p.mlp))              # (B, T, C)  LL-8
        dblocks.insert(0, adaptation.gradients(dp, adapters.blocks[i], scale=scale))
    return adapters._replace(blocks=tuple(dblocks))


def loss(tokens, targets, adapters, *, config, keep=None, frozen, scale):
    """Return the mean cross-entropy: (B, T), (B, T) -> ()."""
    logits, _ = forward(tokens, adapters, config=config, frozen=frozen, scale=scale)
    return cross_entropy.forward(logits, targets)[0]


def loss_and_grad(tokens, targets, adapters, *, config, keep=None, frozen, scale):
    """Return the mean cross-entropy and the gradients of the adapters, as train takes them."""
    logits, cache = forward(tokens, adapters, config=config, frozen=frozen, scale=scale)
    loss, loss_cache = cross_entropy.forward(logits, targets)
    dlogits = cross_entropy.backward(np.ones_like(loss), loss_cache)            # (B, T, V)
    del logits, loss_cache  # two arrays of that size
    return loss, backward(dlogits, cache)


def block_of(frozen, adapters, i, scale):
    """Return the llama_block.Params of block i, its weights floats, its adapters merged."""
    return adaptation.adapt(block_params(frozen, i), adapters.blocks[i], scale=scale)


def head_of(p):
    """Return the weight of the head as floats: (V, C)."""
    return as_floats((p.head or p.embedding).weight)


def with_weights(cache, attention, mlp):
    """Return a llama_block.Cache with other weights, or None for each."""
    return cache._replace(attention=cache.attention._replace(p=attention),
                          mlp=cache.mlp._replace(p=mlp))


@dataclass(frozen=True, eq=False)
class Beside:
    """A packed weight and its adapter: `weight @ x` is the product of both with a row (I,)."""

    weight: Packed  # (O, I)
    adapter: lora.Params
    scale: float

    def __getitem__(self, rows):
        """Return the rows of a slice, still packed."""
        return Beside(self.weight[rows], self.adapter._replace(b=self.adapter.b[rows]), self.scale)

    def __matmul__(self, x):
        return self.weight @ x + self.scale * (self.adapter.b @ (self.adapter.a @ x))

    def floats(self):
        """Return the weight with the adapter merged into it: (O, I)."""
        return as_floats(self.weight) + self.scale * (self.adapter.b @ self.adapter.a)


def beside(p, adapters, scale):
    """Return parameters with a Beside in the place of each weight that has an adapter."""
    named = dict(tree.walk(adapters))
    return tree.unwalk(p, {
        name: Beside(weight, lora.Params(named[f"{name}.a"], named[f"{name}.b"]), scale)
        if f"{name}.a" in named else weight for name, weight in tree.walk(p)})
