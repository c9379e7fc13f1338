"""Functions that people write in place of a layer of the GPT: the exact GELU, post-norm ...

Each is the layer in torch with some of its parts exchanged.
"""

import functools
import math

import numpy as np
import torch
from torch.nn import functional as F

GELUS = [
    ("the exact GELU, x Phi(x) with erf", F.gelu),
    ("quick GELU, x sigmoid(1.702 x)", lambda x: x * torch.sigmoid(1.702 * x)),
    ("SiLU, x sigmoid(x)", F.silu),
    ("ReLU", F.relu)]


def tanh_gelu(x):
    return F.gelu(x, approximate="tanh")


def affine(x, p, bias=True):
    return x @ p.weight.mT + (p.bias if bias else 0)


def looked_up(tokens, p, positions=True, scale=1):
    rows = p.position.weight[: tokens.shape[1]]
    return p.token.weight[tokens] * scale + (rows if positions else 0 * rows)


def normed(x, p, eps=1e-5, axes=-1, less=0, place="in the root", centred=True, bias=True):
    """LayerNorm with its variance over n - less, eps in or outside the root or left out."""
    xc = x - x.mean(axes, keepdim=True) if centred else x
    variance = (xc * xc).mean(axes, keepdim=True)
    if less:
        n = math.prod(x.shape[axis] for axis in np.atleast_1d(axes))
        variance = variance * n / (n - less) if n > less else variance * torch.nan
    inside, outside = {"in the root": (eps, 0), "outside": (0, eps), "nowhere": (0, 0)}[place]
    y = xc / (torch.sqrt(variance + inside) + outside) * p.weight
    return y + p.bias if bias else y


def share_out(x, mask=None, axis=-1, when="before"):
    """Softmax with its mask before, after or not at all."""
    if mask is not None and when == "before":
        x = x.masked_fill(~mask, -torch.inf)
    y = x.softmax(axis)
    return y * mask if mask is not None and when == "after" else y


def dropped_out(x, keep, rate, scale=lambda rate: 1 / (1 - rate), inverted=False):
    return x if keep is None else x * (~keep if inverted else keep) * scale(rate)


def attended(q, k, v, keep=None, rate=0.0, scale=lambda D: math.sqrt(D), when="before", axis=-1,
             drop=dropped_out):
    """Attention of each head."""
    T, D = q.shape[-2:]
    seen = torch.ones(T, T, dtype=torch.bool).tril()
    shared = share_out(q @ k.mT / scale(D), seen, axis, when)
    return drop(shared, keep, rate) @ v


def attention_of(x, p, n_head, keep=None, rate=0.0, drop=dropped_out, cut="thirds", **how):
    B, T, C = x.shape
    qkv = affine(x, p.qkv)
    if cut == "thirds":
        q, k, v = (a.view(B, T, n_head, -1).transpose(1, 2) for a in qkv.chunk(3, -1))
    else:
        q, k, v = qkv.view(B, T, n_head, -1).transpose(1, 2).chunk(3, -1)
    mixed = attended(q, k, v, keep and keep.weights, rate, drop=drop, **how)
    y = affine(mixed.transpose(1, 2).reshape(B, T, C), p.proj)
    return drop(y, keep and keep.output, rate)


def feed(x, p, keep=None, rate=0.0, act=tanh_gelu, drop=dropped_out):
    return drop(affine(act(affine(x, p.up)), p.down), keep, rate)


def block_of(x, p, n_head, keep=None, rate=0.0, order="pre", act=tanh_gelu, norm=normed,
             drop=dropped_out, **how):
    """A block, its norms before or after the sums, its branches in a row or in parallel."""
    def attend(x):
        return attention_of(x, p.attention, n_head, keep and keep.attention, rate, drop, **how)

    def forth(x):
        return feed(x, p.mlp, keep.mlp if keep else None, rate, act, drop)

    if order == "post":
        r = norm(x + attend(x), p.norm_1)
        return norm(r + forth(r), p.norm_2)
    a = attend(norm(x, p.norm_1))
    if order == "parallel":
        return x + a + forth(norm(x, p.norm_2))
    r = a if order == "no residual" else x + a
    f = forth(norm(r, p.norm_2))
    return f if order == "no residual" else r + f


def loss_over(logits, targets, ignore_index=-100, over="counted", ignore=True):
    """Cross-entropy, over the counted targets, all of them or none."""
    counted = targets != ignore_index
    losses = -logits.log_softmax(-1).gather(-1, torch.where(counted, targets, 0)[..., None])[..., 0]
    total = (losses * counted).sum() if ignore else losses.sum()
    return total / {"counted": counted.sum(), "all": counted.numel(), "one": 1,
                    "B": len(targets)}[over]


def unscaled(D):
    return 1


PLAIN_DROP = functools.partial(dropped_out, scale=lambda rate: 1)
BY_RATE = functools.partial(dropped_out, scale=lambda rate: 1 / rate)
NO_MASK = ("attention without the causal mask", {"when": "never"})
MASKED_LATE = ("a softmax that is masked after it, so that its rows don't sum to 1",
               {"when": "after"})
UNSCALED = ("attention with unscaled scores, without 1 / sqrt(D)", {"scale": unscaled})
BY_D = ("attention with scores divided by D, not by sqrt(D)", {"scale": lambda D: D})
QUERIES = ("a softmax over the queries, not over the keys", {"axis": -2})
NOT_INVERTED = ("dropout that is not inverted: it doesn't divide by 1 - rate", {"drop": PLAIN_DROP})
INTERLEAVED = ("attention that cuts q, k and v out of each head", {"cut": "heads"})
NORMS = [
    ("a norm whose deviation divides by C - 1", {"less": 1}),
    ("a norm whose deviation divides by C - 1, with eps outside the root",
     {"less": 1, "place": "outside"}),
    ("a norm with eps outside the root, 1 / (deviation + eps)", {"place": "outside"}),
    ("a norm without eps", {"place": "nowhere"}),
    ("RMS norm: the mean is not subtracted", {"centred": False}),
    ("RMS norm: neither the mean is subtracted nor beta added", {"centred": False, "bias": False}),
    ("a norm without beta", {"bias": False}),
    ("batch norm: the mean and variance are over the rows", {"axes": (0, 1)})]
GPT_VARIANTS = {  # by layer: the function, and (what it is, the parts that are exchanged)
    "linear": (affine, [("a linear layer without its bias", {"bias": False})]),
    "embedding": (looked_up, [("an embedding without positions", {"positions": False})]),
    "layer_norm": (normed, NORMS),
    "gelu": (lambda x, act: act(x), [(words, {"act": act}) for words, act in GELUS]),
    "softmax": (share_out, [
        ("a softmax without the mask", {"when": "never"}), MASKED_LATE,
        ("a softmax over another axis, the one before the last", {"axis": -2}),
        ("a softmax over the first axis", {"axis": 0})]),
    "dropout": (dropped_out, [
        ("dropout that is not inverted: it doesn't divide by 1 - rate",
         {"scale": lambda rate: 1}),
        ("dropout that divides by the rate", {"scale": lambda rate: 1 / rate}),
        ("dropout that multiplies by 1 - rate", {"scale": lambda rate: 1 - rate}),
        ("dropout with its mask inverted", {"inverted": True})]),
    "attention": (attention_of, [NO_MASK, MASKED_LATE, UNSCALED, BY_D, QUERIES, NOT_INVERTED,
                                 INTERLEAVED]),
    "flash_attention": (lambda q, k, v, block, **how: attended(q, k, v, **how),
                        [NO_MASK, MASKED_LATE, UNSCALED, BY_D, QUERIES]),
    "mlp": (feed, [(f"an MLP with {words}", {"act": act}) for words, act in GELUS]
            + [NOT_INVERTED]),
    "block": (block_of, [
        ("a post-norm block: the norms come after the sums", {"order": "post"}),
        ("a block without its residual paths", {"order": "no residual"}),
        ("a block whose attention and MLP are in parallel", {"order": "parallel"}),
        *((f"a block with {words}", {"act": act}) for words, act in GELUS),
        *((f"a block with {words}", {"norm": functools.partial(normed, **how)})
          for words, how in NORMS),
        NO_MASK, UNSCALED, BY_D, NOT_INVERTED]),
    "cross_entropy": (loss_over, [
        ("the sum over the counted targets, not the mean", {"over": "one"}),
        ("the sum over all targets, the ignored ones too", {"over": "one", "ignore": False}),
        ("the mean over all targets, with 0 for the ignored ones", {"over": "all"}),
        ("the mean over all targets, the ignored ones too", {"over": "all", "ignore": False}),
        ("the sum over the counted targets, divided by B", {"over": "B"})]),
}
