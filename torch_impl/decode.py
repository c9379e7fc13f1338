"""One token at a time, with the keys and values of the earlier ones kept.

A row of one token is so little work that calling the modules would cost as much as computing it.
So their parameters are looked up once, and step calls the functions behind them.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Params(NamedTuple):
    token: Tensor     # (V, C)
    position: Tensor  # (S, C)
    blocks: list      # of pairs (weight, bias): norm_1, qkv, proj, norm_2, up, down
    norm: tuple       # weight and bias, (C,) each
    n_head: int       # H

    @property
    def block_size(self):
        """S."""
        return len(self.position)


def params(model):
    """Return the parameters of a GPT, by reference."""
    def pairs(*layers):
        return [(layer.weight, layer.bias) for layer in layers]
    blocks = [pairs(b.norm_1, b.attention.qkv, b.attention.proj, b.norm_2, b.mlp.up, b.mlp.down)
              for b in model.blocks]
    return Params(model.embedding.token.weight, model.embedding.position.weight, blocks,
                  *pairs(model.norm), model.blocks[0].attention.n_head)


def begin(tokens, p):
    """Return the logits after a window's first tokens, and a memory: (T,) -> (V,), (L, S, 3C)."""
    S, C = p.position.shape
    memory = p.position.new_empty(len(p.blocks), S, 3 * C)
    return step(tokens, p, memory, 0), memory


def step(tokens, p, memory, start):
    """Return the logits after tokens at positions start, start + 1 ...: (T,) -> (V,).

    They are the first of a window, or a single one. memory holds the queries, keys and values of
    the positions before start, and of these as well afterwards: it is written to.
    """
    T, C = len(tokens), p.token.shape[1]
    x = F.embedding(tokens, p.token) + p.position[start:start + T]       # (T, C)
    for (norm_1, qkv, proj, norm_2, up, down), rows in zip(p.blocks, memory):
        n = torch.layer_norm(x, (C,), *norm_1)                           # (T, C)
        x = x + F.linear(attend(n, *qkv, rows, start, p.n_head), *proj)  # (T, C)
        h = F.linear(torch.layer_norm(x, (C,), *norm_2), *up)            # (T, 4C)
        x = x + F.linear(F.gelu(h, approximate="tanh"), *down)           # (T, C)
    return F.linear(torch.layer_norm(x[-1], (C,), *p.norm), p.token)     # (V,)


def attend(x, weight, bias, rows, start, n_head):
    """Return what each position gathers from those up to itself: (T, C) -> (T, C)."""
    T, C = x.shape
    torch.addmm(bias, x, weight.mT, out=rows.narrow(0, start, T))        # (T, 3C)
    seen = rows.narrow(0, 0, start + T).view(1, start + T, 3, n_head, C // n_head)
    q, k, v = seen.permute(2, 0, 3, 1, 4).unbind()                       # (1, H, start + T, D)
    mixed = F.scaled_dot_product_attention(
        q.narrow(2, start, T), k, v, is_causal=T > 1)                    # (1, H, T, D)
    return mixed.transpose(1, 2).reshape(T, C)                           # (T, C)
