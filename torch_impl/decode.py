"""One token at a time, with the keys and values of the earlier ones kept.

A row of one token is so little work that calling the modules would cost as much as computing it.
So their parameters are looked up once, and step calls the functions behind them.
"""

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional as F


class Params(NamedTuple):
    token: Tensor     # (V, C)
    position: Tensor  # (S, C)
    blocks: list      # of pairs (weight, bias): norm_1, qkv, proj, norm_2, up, down
    norm: tuple       # weight and bias, (C,) each
    n_head: int       # H


class Memory(NamedTuple):
    keys: Tensor      # (L, 1, H, S, D)
    values: Tensor    # (L, 1, H, S, D)


def params(model):
    """Return the parameters of a GPT, by reference."""
    def pairs(*layers):
        return [(layer.weight, layer.bias) for layer in layers]
    blocks = [pairs(b.norm_1, b.attention.qkv, b.attention.proj, b.norm_2, b.mlp.up, b.mlp.down)
              for b in model.blocks]
    return Params(model.embedding.token.weight, model.embedding.position.weight, blocks,
                  *pairs(model.norm), model.blocks[0].attention.n_head)


def begin(tokens, p):
    """Return the logits after a window's first tokens, and the Memory: (T,) -> (V,), Memory."""
    (S, C), H = p.position.shape, p.n_head
    memory = Memory(*p.position.new_empty(2, len(p.blocks), 1, H, S, C // H))
    return step(tokens, p, memory, 0), memory


def step(tokens, p, memory, start):
    """Return the logits after tokens at positions start, start + 1 ...: (T,) -> (V,).

    They are the first of a window, or a single one. memory holds the positions before start, and
    these as well afterwards: it is written to.
    """
    T, C = len(tokens), p.token.shape[1]
    x = F.embedding(tokens, p.token) + p.position[start:start + T]       # (T, C)
    for (norm_1, qkv, proj, norm_2, up, down), keys, values in zip(p.blocks, *memory):
        n = F.layer_norm(x, (C,), *norm_1)                               # (T, C)
        mixed = attend(F.linear(n, *qkv), keys, values, start)           # (T, C)
        x = x + F.linear(mixed, *proj)                                   # (T, C)
        h = F.linear(F.layer_norm(x, (C,), *norm_2), *up)                # (T, 4C)
        x = x + F.linear(F.gelu(h, approximate="tanh"), *down)           # (T, C)
    return F.linear(F.layer_norm(x[-1], (C,), *p.norm), p.token)         # (V,)


def attend(qkv, keys, values, start):
    """Return what each position gathers from those up to itself: (T, 3C) -> (T, C)."""
    (T, _), (_, H, _, D) = qkv.shape, keys.shape
    q, k, v = qkv.view(T, 3, 1, H, D).permute(1, 2, 3, 0, 4)             # (1, H, T, D)
    keys[:, :, start:start + T], values[:, :, start:start + T] = k, v
    mixed = F.scaled_dot_product_attention(
        q, keys[:, :, :start + T], values[:, :, :start + T], is_causal=T > 1)
    return mixed.transpose(1, 2).reshape(T, H * D)                       # (T, C)
