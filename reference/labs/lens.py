"""What goes on inside a GPT: where it looks, what it holds, who writes it. Derivation: lens.md."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from .. import attention, block, embedding, layer_norm, linear
from ..tools.arguments import check_config
from ..tools.sums import row_dot, row_mean


class Seen(NamedTuple):
    """What one forward leaves to look at."""

    stream: tuple   # of (B, T, C): before each block, and after the last
    weights: tuple  # of (B, H, T, T), each block's
    parts: dict     # of (B, T, C) by name; their sum is the last stream
    logits: Array   # (B, T, V)


def see(tokens, p, *, config):
    """Run a GPT and return what there is to see: (B, T) -> Seen; its logits are gpt.forward's.

    The parts are "token", "position", "head l.h", "bias l" (of the projection) and "MLP l".
    Raises what gpt.forward raises.
    """
    check_config(config, vocab_size=len(p.embedding.token.weight), n_layer=len(p.blocks),
                 block_size=len(p.embedding.position.weight), n_embd=len(p.norm.weight))
    x, _ = embedding.forward(tokens, p.embedding)                            # (B, T, C)
    stream, weights = [x], []
    position = p.embedding.position.weight[:tokens.shape[1]]                 # (T, C)
    parts = {"token": p.embedding.token.weight[tokens],
             "position": np.broadcast_to(position, x.shape).copy()}
    for l, params in enumerate(p.blocks):
        x, cache = run_block(x, params, config.n_head)                       # (B, T, C)     LENS-1
        stream.append(x)
        weights.append(cache.attention.weights)                              # (B, H, T, T)  LENS-2
        parts |= written(l, params, cache)
    return Seen(tuple(stream), tuple(weights), parts, logit_lens(x, p))


def run_block(x, params, n_head):
    """Run one block, with an MLP or, as in attention_only, without: (B, T, C) -> (B, T, C)."""
    if hasattr(params, "mlp"):
        return block.forward(x, params, n_head=n_head)
    n, norm_1 = layer_norm.forward(x, params.norm_1)                         # (B, T, C)
    a, attend = attention.forward(n, params.attention, n_head=n_head)        # (B, T, C)
    return x + a, block.Cache(norm_1, attend, None, None)


def logit_lens(x, p):
    """Return the logits of a stream, as if it were the last: (B, T, C) -> (B, T, V).

    Source: nostalgebraist, "interpreting GPT: the logit lens" (2020).
    """
    h, _ = layer_norm.forward(x, p.norm)                                     # (B, T, C)
    table = p.embedding.token.weight                                         # (V, C)
    return (h.reshape(-1, h.shape[-1]) @ table.T).reshape(*x.shape[:-1], -1)  # (B, T, V)   LENS-3


def written(l, params, cache):
    """Return what each part of block l adds to the stream, by name: (B, T, C) each."""
    weights, v, proj = cache.attention.weights, cache.attention.v, params.attention.proj
    B, H, T, D = v.shape
    parts = {}
    for h in range(H):
        mine = proj.weight[:, h * D:(h + 1) * D]                             # (C, D)
        parts[f"head {l}.{h}"] = weights[:, h] @ v[:, h] @ mine.T            # (B, T, C)     LENS-4
    parts[f"bias {l}"] = np.broadcast_to(proj.bias, (B, T, H * D)).copy()    # (B, T, C)
    if cache.mlp is not None:
        parts[f"MLP {l}"], _ = linear.forward(
            cache.mlp.down.x, params.mlp.down)                               # (B, T, C)     LENS-5
    return parts


def attribute(seen, targets, p):
    """Return what each part adds to the logits of the targets, by name: (B, T) -> (B, T) each.

    With the bias of the last norm, the part "last norm", they sum to the logit. The scale of that
    norm is held at what it is.
    """
    _, norm = layer_norm.forward(seen.stream[-1], p.norm)
    head = p.embedding.token.weight[targets]                                 # (B, T, C)
    shares = {}
    for name, part in seen.parts.items():
        xhat = (part - row_mean(part)) * norm.rstd                           # (B, T, C)     LENS-6
        shares[name] = row_dot(xhat * p.norm.weight, head)[..., 0]           # (B, T)        LENS-7
    shares["last norm"] = head @ p.norm.bias                                 # (B, T)        LENS-8
    return shares


def patch(tokens, source, position, p, *, config, before):
    """Return the logits of a forward into which the stream of another is put, at one place.

    source is the Seen of the other, of the same shape (B, T); the place is a position of each
    sequence, (B,) or one for all, before one block. (B, T) -> (B, T, V)
    Source: Meng et al., "Locating and Editing Factual Associations in GPT" (2022).
    """
    x, _ = embedding.forward(tokens, p.embedding)                            # (B, T, C)
    for l, params in enumerate(p.blocks):
        if l == before:
            rows = np.arange(len(x))
            x[rows, position] = source.stream[l][rows, position]             # (B, T, C)     LENS-9
        x, _ = run_block(x, params, config.n_head)
    return logit_lens(x, p)


def recovery(patched, clean, corrupted):
    """Return the share of a difference that a patch brings back, from three numbers.

    Raises ValueError where there is no difference to bring back.
    """
    if clean == corrupted:
        raise ValueError(f"clean is {clean}, and so is corrupted; allowed: two that differ")
    return (patched - corrupted) / (clean - corrupted)                       # ()            LENS-10
