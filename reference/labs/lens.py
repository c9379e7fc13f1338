"""What goes on inside a GPT or a llama: where it looks, what it holds, who writes it.

Derivation: lens.md.
"""

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from .. import attention, block, embedding, layer_norm, linear, llama, llama_block, rms_norm
from ..tools.arguments import check_config
from ..tools.sums import row_dot, row_mean


class Seen(NamedTuple):
    """What one forward leaves to look at."""

    stream: tuple   # of (B, T, C): before each block, and after the last
    weights: tuple  # of (B, H, T, T), each block's
    parts: dict     # of (B, T, C) by name; their sum is the last stream
    logits: Array   # (B, T, V)


def see(tokens, p, *, config):
    """Run a model and return what there is to see: (B, T) -> Seen; its logits are its forward's.

    The parts are "token", "head l.h" and "MLP l", and those of a GPT also "position" and "bias l"
    (of the projection). Raises what the model's forward raises.
    """
    x, parts = embedded(tokens, p, config)                                   # (B, T, C)
    stream, weights = [x], []
    for l, params in enumerate(p.blocks):
        x, cache = run_block(x, params, config)                              # (B, T, C)     LENS-1
        stream.append(x)
        weights.append(heads_of(cache.attention)[0])                         # (B, H, T, T)
        parts |= written(l, params, cache)
    return Seen(tuple(stream), tuple(weights), parts, logit_lens(x, p, eps=eps_of(config)))


def embedded(tokens, p, config):
    """Return the first stream, and what each table writes to it, by name: (B, T, C) each."""
    if isinstance(p, llama.Params):
        llama.check_arguments(tokens, p, config)
        token = p.embedding.weight[tokens]                                   # (B, T, C)
        return token, {"token": token}
    table, position = p.embedding.token.weight, p.embedding.position.weight  # (V, C), (S, C)
    check_config(config, vocab_size=len(table), n_layer=len(p.blocks), block_size=len(position),
                 n_embd=len(p.norm.weight))
    x, _ = embedding.forward(tokens, p.embedding)                            # (B, T, C)
    rows = np.broadcast_to(position[:tokens.shape[1]], x.shape).copy()       # (B, T, C)
    return x, {"token": table[tokens], "position": rows}


def run_block(x, params, config):
    """Run one block, with an MLP or, as in attention_only, without: (B, T, C) -> (B, T, C)."""
    if isinstance(params, llama_block.Params):
        return llama_block.forward(x, params, n_head=config.n_head, n_kv_head=config.n_kv_head,
                                   rope_base=config.rope_base, eps=config.eps)
    if hasattr(params, "mlp"):
        return block.forward(x, params, n_head=config.n_head)
    n, norm_1 = layer_norm.forward(x, params.norm_1)                         # (B, T, C)
    a, attend = attention.forward(n, params.attention, n_head=config.n_head)  # (B, T, C)
    return x + a, block.Cache(norm_1, attend, None, None)


def heads_of(attend):
    """Return the weights and the values of each head: (B, H, T, T), (B, H, T, D)."""
    if isinstance(attend, attention.Cache):
        return attend.weights, attend.v                                      # (B, H, T, T)  LENS-2
    weights = attend.softmax.y                                               # (B, K, G, T, T)
    B, K, G, T, _ = weights.shape
    v = attend.v.repeat(G, axis=1)                                           # (B, H, T, D)  LENS-11
    return weights.reshape(B, K * G, T, T), v


def logit_lens(x, p, *, eps=1e-5):
    """Return the logits of a stream, as if it were the last: (B, T, C) -> (B, T, V).

    eps is that of the last norm.
    Source: nostalgebraist, "interpreting GPT: the logit lens" (2020).
    """
    h, _ = last_norm(x, p, eps)                                              # (B, T, C)
    head = head_of(p)                                                        # (V, C)
    return (h.reshape(-1, h.shape[-1]) @ head.T).reshape(*x.shape[:-1], -1)  # (B, T, V)     LENS-3


def last_norm(x, p, eps):
    """Return the stream as the model's last norm makes it, and the norm's cache: (B, T, C)."""
    norm = rms_norm if isinstance(p.norm, rms_norm.Params) else layer_norm
    return norm.forward(x, p.norm, eps=eps)


def head_of(p):
    """Return the weight of a model's head: (V, C). A GPT's is its table, a llama's may be."""
    if isinstance(p, llama.Params):
        return (p.head or p.embedding).weight
    return p.embedding.token.weight


def eps_of(config):
    """Return the epsilon of a model's norms: a GPT's is that of layer_norm.forward."""
    return getattr(config, "eps", 1e-5)


def written(l, params, cache):
    """Return what each part of block l adds to the stream, by name: (B, T, C) each."""
    (weights, v), proj = heads_of(cache.attention), params.attention.proj
    B, H, T, D = v.shape
    parts = {}
    for h in range(H):
        mine = proj.weight[:, h * D:(h + 1) * D]                             # (C, D)
        parts[f"head {l}.{h}"] = weights[:, h] @ v[:, h] @ mine.T            # (B, T, C)     LENS-4
    if isinstance(params, llama_block.Params):
        down = cache.mlp.h @ params.mlp.down.weight.T                        # (N, C)        LENS-12
        return parts | {f"MLP {l}": down.reshape(B, T, H * D)}
    parts[f"bias {l}"] = np.broadcast_to(proj.bias, (B, T, H * D)).copy()    # (B, T, C)
    if cache.mlp is not None:
        parts[f"MLP {l}"], _ = linear.forward(
            cache.mlp.down.x, params.mlp.down)                               # (B, T, C)     LENS-5
    return parts


def attribute(seen, targets, p, *, eps=1e-5):
    """Return what each part adds to the logits of the targets, by name: (B, T) -> (B, T) each.

    They sum to the logit; with a GPT's, the bias of its last norm is one more, "last norm". The
    scale of that norm is held at what it is; eps is its own.
    """
    _, norm = last_norm(seen.stream[-1], p, eps)
    head = head_of(p)[targets]                                               # (B, T, C)
    shares = {}
    for name, part in seen.parts.items():
        xhat = held(part, norm)                                              # (B, T, C)
        shares[name] = row_dot(xhat * p.norm.weight, head)[..., 0]           # (B, T)        LENS-7
    if isinstance(p.norm, layer_norm.Params):
        shares["last norm"] = head @ p.norm.bias                             # (B, T)        LENS-8
    return shares


def held(part, norm):
    """Return a part as the last norm scales it, by the scale of the whole stream: (B, T, C)."""
    if isinstance(norm, rms_norm.Cache):
        return part * norm.rrms                                              # (B, T, C)     LENS-13
    return (part - row_mean(part)) * norm.rstd                               # (B, T, C)     LENS-6


def patch(tokens, source, position, p, *, config, before):
    """Return the logits of a forward into which the stream of another is put, at one place.

    source is the Seen of the other, of the same shape (B, T); the place is a position of each
    sequence, (B,) or one for all, before one block. (B, T) -> (B, T, V)
    Source: Meng et al., "Locating and Editing Factual Associations in GPT" (2022).
    """
    x, _ = embedded(tokens, p, config)                                       # (B, T, C)
    for l, params in enumerate(p.blocks):
        if l == before:
            rows = np.arange(len(x))
            x[rows, position] = source.stream[l][rows, position]             # (B, T, C)     LENS-9
        x, _ = run_block(x, params, config)
    return logit_lens(x, p, eps=eps_of(config))


def recovery(patched, clean, corrupted):
    """Return the share of a difference that a patch brings back, from three numbers.

    Raises ValueError where there is no difference to bring back.
    """
    if clean == corrupted:
        raise ValueError(f"clean is {clean}, and so is corrupted; allowed: two that differ")
    return (patched - corrupted) / (clean - corrupted)                       # ()            LENS-10
