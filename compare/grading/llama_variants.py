"""Functions that people write in place of a layer of the llama: other pairs, other gates ...

Each is the layer in torch with some of its parts exchanged.
"""

import functools
import math

import torch
from torch.nn import functional as F

from .gpt_variants import (BY_D, GELUS, MASKED_LATE, NO_MASK, QUERIES, UNSCALED, affine, attended,
                           tanh_gelu)

product = functools.partial(affine, bias=False)


def scaled(x, p, eps=1e-5, place="in the root", centred=False, over="mean", gain=lambda w: w):
    """RMS norm, its eps in or outside the root or left out."""
    x = x - x.mean(-1, keepdim=True) if centred else x
    square = getattr(x * x, over)(-1, keepdim=True)
    inside, outside = {"in the root": (eps, 0), "outside": (0, eps), "nowhere": (0, 0)}[place]
    return x / (torch.sqrt(square + inside) + outside) * gain(p.weight)


def rotary(x, base=10000.0, start=0, pairs="halves", sign=1, first=None, share=2):
    """Rotary positions: the pairs are the two halves, or neighbours."""
    T, D = x.shape[-2:]
    positions = (start if first is None else first) + torch.arange(T, dtype=x.dtype)
    pair = torch.arange(D // 2, dtype=x.dtype)
    angles = sign * torch.outer(positions, base ** (-share * pair / D))
    a, b = (x[..., ::2], x[..., 1::2]) if pairs == "neighbours" else x.chunk(2, -1)
    halves = a * angles.cos() - b * angles.sin(), a * angles.sin() + b * angles.cos()
    return torch.stack(halves, -1).flatten(-2) if pairs == "neighbours" else torch.cat(halves, -1)


def gated(x, p, act=F.silu, gate="gate", up="up"):
    """The MLP with a gate."""
    return product(act(product(x, getattr(p, gate))) * product(x, getattr(p, up)), p.down)


def ungated(x, p):
    return product(F.silu(product(x, p.up)), p.down)


def shared_attention(x, p, n_head, n_kv_head, rope_base=10000.0, turn=rotary, turns_v=False,
                     neighbours=True, **how):
    """Attention whose heads share keys and values, neighbours or those that are K apart."""
    B, T, C = x.shape
    q, k, v = (product(x, w).view(B, T, -1, C // n_head).transpose(1, 2) for w in (p.q, p.k, p.v))
    q, k, v = turn(q, rope_base), turn(k, rope_base), turn(v, rope_base) if turns_v else v
    G = n_head // n_kv_head
    k, v = (a.repeat_interleave(G, 1) if neighbours else a.repeat(1, G, 1, 1) for a in (k, v))
    return product(attended(q, k, v, **how).transpose(1, 2).reshape(B, T, C), p.proj)


def llama_block_of(x, p, n_head, n_kv_head, rope_base=10000.0, eps=1e-5, order="pre", norm=scaled,
                   mlp=gated, **how):
    """A block, its norms before or after the sums, its branches in a row or in parallel."""
    def attend(x):
        return shared_attention(x, p.attention, n_head, n_kv_head, rope_base, **how)

    if order == "post":
        r = norm(x + attend(x), p.norm_1, eps)
        return norm(r + mlp(r, p.mlp), p.norm_2, eps)
    a = attend(norm(x, p.norm_1, eps))
    if order == "parallel":
        return x + a + mlp(norm(x, p.norm_2, eps), p.mlp)
    r = a if order == "no residual" else x + a
    f = mlp(norm(r, p.norm_2, eps), p.mlp)
    return f if order == "no residual" else r + f


def llama_of(tokens, p, config, times=lambda C: 1, last=scaled, head="own", **how):
    """The whole model."""
    x = p.embedding.weight[tokens] * times(config.n_embd)
    for block in p.blocks:
        x = llama_block_of(x, block, config.n_head, config.n_kv_head, config.rope_base, config.eps,
                           **how)
    h = last(x, p.norm, config.eps)
    return product(h, p.embedding if config.tied or head == "table" else p.head)


def named_parts(of, name, known):
    """Return variants of a whole that has one of these as its part of that name."""
    return [(words, {name: functools.partial(of, **how)}) for words, how in known]


RMS_NORMS = [
    ("RMS norm with eps outside the root, 1 / (rms + eps)", {"place": "outside"}),
    ("RMS norm without eps", {"place": "nowhere"}),
    ("LayerNorm without beta: the mean is subtracted", {"centred": True}),
    ("a norm by the length: the sum of the squares, not their mean", {"over": "sum"}),
    ("RMS norm that scales by 1 + gamma", {"gain": lambda w: 1 + w}),
    ("RMS norm without gamma", {"gain": lambda w: 1 + 0 * w})]
NEIGHBOURS = "rope of neighbours, channels 2i and 2i + 1, as Meta's files and llama.cpp have it"
ROPES = [
    (NEIGHBOURS, {"pairs": "neighbours"}),
    ("rope that turns the other way, by minus the angle", {"sign": -1}),
    ("rope with angles t base^(-i / D), not base^(-2 i / D)", {"share": 1})]
MLPS = [
    ("a gate with tanh's GELU, as GEGLU", {"act": tanh_gelu}),
    *((f"a gate with {words}", {"act": act}) for words, act in GELUS if act is not F.silu),
    ("GLU: the gate is the sigmoid alone", {"act": torch.sigmoid}),
    ("SwiGLU with gate and up exchanged", {"gate": "up", "up": "gate"})]
NO_GATE = "an MLP without a gate: SiLU of one widened row"
NO_ROPE = ("attention without rope", {"turn": lambda x, base: x})
APART = ("heads that share keys and values with those K apart, not with their neighbours",
         {"neighbours": False})
HEADS = [NO_ROPE, *named_parts(rotary, "turn", ROPES), APART]
INSIDE = [*HEADS, NO_MASK, UNSCALED]
LLAMA_VARIANTS = {  # by layer: the function, and (what it is, the parts that are exchanged)
    "rms_norm": (scaled, RMS_NORMS),
    "rope": (rotary, [*ROPES, ("rope whose positions begin at 0 whatever start is", {"first": 0}),
                      ("rope whose positions begin at 1", {"first": 1})]),
    "swiglu": (lambda x, p, mlp=gated, **how: mlp(x, p, **how),
               [*MLPS, (NO_GATE, {"mlp": ungated})]),
    "grouped_attention": (shared_attention, [
        *INSIDE, ("attention that turns the values as well", {"turns_v": True}), MASKED_LATE, BY_D,
        QUERIES]),
    "llama_block": (llama_block_of, [
        ("a post-norm block: the norms come after the sums", {"order": "post"}),
        ("a block without its residual paths", {"order": "no residual"}),
        ("a block whose attention and MLP are in parallel", {"order": "parallel"}),
        *named_parts(scaled, "norm", RMS_NORMS), *named_parts(gated, "mlp", MLPS),
        (NO_GATE, {"mlp": ungated}), *INSIDE]),
    "llama": (llama_of, [
        ("a llama without its last norm", {"last": lambda x, p, eps: x}),
        ("a llama that multiplies its rows of the table by sqrt(C)", {"times": math.sqrt}),
        ("a llama whose head is the table, though it has one of its own", {"head": "table"}),
        *HEADS]),
}
