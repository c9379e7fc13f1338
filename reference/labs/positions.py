"""Two ways to say where a token stands: a table of waves, and turns. Derivation: positions.md."""

from functools import partial

import numpy as np

from .. import cross_entropy, grouped_attention, linear, rope
from . import attention_only


def waves(S, C):
    """Return the table of sines and cosines that is added to the tokens: (S, C), C even.

    Source: Vaswani et al., "Attention Is All You Need" (2017), section 3.5.
    """
    cos, sin = rope.turns(S, C, 10000.0, 0, np.float64)                  # (S, C / 2)
    return np.stack((sin, cos), -1).reshape(S, C)                        # (S, C)     POS-1


def init(config, rng, dtype=np.float32, std=0.02):
    """Return the numbers of attention_only.init, its position table 0, its attention without
    biases."""
    p = attention_only.init(config, rng, dtype, std)

    def grouped(attention):
        q, k, v = np.split(attention.qkv.weight, 3)
        return grouped_attention.Params(*map(linear.Weight, (q, k, v, attention.proj.weight)))

    p.embedding.position.weight[:] = 0
    return p._replace(blocks=tuple(b._replace(attention=grouped(b.attention)) for b in p.blocks))


def forward(tokens, p, *, config):
    """Return the logits of attention_only whose queries and keys are turned: (B, T) -> (B, T, V).

    Source: Su et al., "RoFormer" (2021).
    """
    return attention_only.forward(
        tokens, p, config=config,
        attend=partial(grouped_attention.forward, n_kv_head=config.n_head))  # (B, T, V)  POS-2


def backward(dlogits, cache):
    """Return the gradients of all parameters: (B, T, V) -> Params."""
    return attention_only.backward(
        dlogits, cache, attend=grouped_attention.backward)                   # (...)      POS-3


def loss_and_grad(tokens, targets, p, *, config, keep=None):
    """Return the mean cross-entropy and its gradients: (B, T), (B, T) -> (), Params."""
    logits, cache = forward(tokens, p, config=config)
    loss, loss_cache = cross_entropy.forward(logits, targets)
    return loss, backward(cross_entropy.backward(np.ones_like(loss), loss_cache), cache)
