"""One token at a time, as decode.py does it for GPT: turned keys, and values, are kept."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from .rope import rotate_half, turns


class Params(NamedTuple):
    token: Tensor    # (V, C)
    blocks: list     # of weights: norm_1, q, k, v, proj, norm_2, gate, up, down
    norm: Tensor     # (C,)
    head: Tensor     # (V, C)
    block_size: int  # S
    head_size: int   # D
    rope_base: float
    eps: float


def params(model):
    """Return the parameters of a llama, by reference."""
    def weights(b):
        attention, mlp = b.attention, b.mlp
        layers = (b.norm_1, attention.q, attention.k, attention.v, attention.proj,
                  b.norm_2, mlp.gate, mlp.up, mlp.down)
        return [layer.weight for layer in layers]
    attention = model.blocks[0].attention
    return Params(model.embedding.weight, [weights(b) for b in model.blocks], model.norm.weight,
                  (model.head or model.embedding).weight, model.block_size, attention.head,
                  attention.rope.base, model.norm.eps)


def begin(tokens, p):
    """Return the logits after a window's first tokens, and a memory: (T,) -> (V,), a tensor."""
    n_kv_head = len(p.blocks[0][2]) // p.head_size
    memory = p.token.new_empty(len(p.blocks), 2, n_kv_head, p.block_size, p.head_size)
    return step(tokens, p, memory, 0), memory


def step(tokens, p, memory, start):
    """Return the logits after tokens at positions start, start + 1 ...: (T,) -> (V,).

    They are the first of a window, or a single one. memory, (L, 2, K, S, D), holds the keys and
    values of the positions before start, and of these as well afterwards: it is written to.
    """
    x, C = F.embedding(tokens, p.token), p.token.shape[1]                # (T, C)
    cos, sin = turns(len(tokens), p.head_size, p.rope_base, start, x)    # (T, D)
    for (norm_1, *qkv, proj, norm_2, gate, up, down), rows in zip(p.blocks, memory):
        n = F.rms_norm(x, (C,), norm_1, p.eps)                           # (T, C)
        x = x + F.linear(attend(n, qkv, rows, start, cos, sin), proj)    # (T, C)
        m = F.rms_norm(x, (C,), norm_2, p.eps)                           # (T, C)
        h = F.silu(F.linear(m, gate)) * F.linear(m, up)                  # (T, F)
        x = x + F.linear(h, down)                                        # (T, C)
    return F.linear(F.rms_norm(x[-1], (C,), p.norm, p.eps), p.head)      # (V,)


def attend(x, weights, rows, start, cos, sin):
    """Return what each position gathers from those up to itself: (T, C) -> (T, C)."""
    T, D = len(x), rows.shape[-1]
    q, k, v = (F.linear(x, w).view(T, -1, D).transpose(0, 1) for w in weights)
    q, k = (a * cos + rotate_half(a) * sin for a in (q, k))              # (H, T, D), (K, T, D)
    rows[:, :, start:start + T] = torch.stack((k, v))                    # (2, K, T, D)
    k, v = rows[:, None, :, :start + T]                                  # (1, K, start + T, D)
    mixed = F.scaled_dot_product_attention(
        q[None], k, v, is_causal=T > 1, enable_gqa=True)                 # (1, H, T, D)
    return mixed[0].transpose(0, 1).reshape(T, -1)                       # (T, C)
