"""What goes on inside a GPT or a llama, seen through hooks."""

import contextlib
import math
from typing import NamedTuple

import torch
from torch.nn import functional as F

from ..llama import Llama


class Seen(NamedTuple):
    """What one forward leaves to look at."""

    stream: tuple         # of (B, T, C): before each block, and after the last
    weights: tuple        # of (B, H, T, T), each block's
    parts: dict           # of (B, T, C) by name; their sum is the last stream
    logits: torch.Tensor  # (B, T, V)


@torch.no_grad()
def see(tokens, model):
    """Run a model without dropout and return what there is to see: (B, T) -> Seen."""
    with recorded(model) as (given, made):
        logits = model(tokens)
    token = (model.embedding if is_llama(model) else model.embedding.token)(tokens)
    stream, weights, parts = [], [], {"token": token}
    if not is_llama(model):
        position = model.embedding.position.weight[:tokens.shape[1]]
        parts["position"] = position.expand_as(token).clone()
    for l, block in enumerate(model.blocks):
        stream.append(given[f"blocks.{l}"])                                  # LENS-1
        q, k = queries_and_keys(block.attention, made, f"blocks.{l}.attention")
        weights.append(weights_of(q, k))
        parts |= written(l, block, given, made, n_head=q.shape[1])
    return Seen((*stream, given["norm"]), tuple(weights), parts, logits)


@contextlib.contextmanager
def recorded(model):
    """Keep what is given to each module and what it makes, by its name, while the model runs."""
    given, made = {}, {}

    def keep(name):
        def hook(_, inputs, output):
            given[name], made[name] = inputs[0], output
        return hook

    handles = [module.register_forward_hook(keep(name)) for name, module in model.named_modules()]
    try:
        yield given, made
    finally:
        for handle in handles:
            handle.remove()


def is_llama(model):
    """Whether a model is a llama; if not, it is a GPT, with MLPs or without."""
    return isinstance(model, Llama)


def queries_and_keys(attention, made, name):
    """Return what each head asks and what it is asked by: (B, H, T, D) each."""
    if hasattr(attention, "rope"):
        q, k = (attention.rope(attention.split_heads(made[f"{name}.{one}"])) for one in "qk")
        return q, k.repeat_interleave(q.shape[1] // k.shape[1], dim=1)
    qkv = made[f"{name}.qkv"]                                                # (B, T, 3C)
    B, T, _ = qkv.shape
    q, k, _ = (a.view(B, T, attention.n_head, -1).transpose(1, 2) for a in qkv.chunk(3, dim=-1))
    return q, k


def weights_of(q, k):
    """Return the weights that scaled_dot_product_attention keeps to itself: (B, H, T, T)."""
    T, D = q.shape[-2:]
    unseen = torch.ones(T, T, dtype=torch.bool, device=q.device).triu(1)
    scores = q @ k.mT / math.sqrt(D)
    return scores.masked_fill(unseen, -math.inf).softmax(-1)                 # LENS-2


@torch.no_grad()
def logit_lens(x, model):
    """Return the logits of a stream, as if it were the last: (B, T, C) -> (B, T, V)."""
    return F.linear(model.norm(x), head_of(model))                           # LENS-3


def head_of(model):
    """Return the weight of a model's head: (V, C)."""
    return ((model.head or model.embedding) if is_llama(model) else model.embedding.token).weight


def written(l, block, given, made, n_head):
    """Return what each part of block l adds to the stream, by name: (B, T, C) each."""
    proj, merged = block.attention.proj, given[f"blocks.{l}.attention.proj"]
    heads = zip(merged.chunk(n_head, dim=-1), proj.weight.chunk(n_head, dim=-1))
    parts = {f"head {l}.{h}": mixed @ mine.mT
             for h, (mixed, mine) in enumerate(heads)}                       # LENS-4, LENS-11
    if proj.bias is not None:
        parts[f"bias {l}"] = proj.bias.expand_as(merged).clone()
    if f"blocks.{l}.mlp" in made:
        parts[f"MLP {l}"] = made[f"blocks.{l}.mlp"]                          # LENS-5, LENS-12
    return parts


@torch.no_grad()
def attribute(seen, targets, model):
    """Return what each part adds to the logits of the targets, by name: (B, T) -> (B, T) each."""
    x, norm, head = seen.stream[-1], model.norm, head_of(model)[targets]
    if is_llama(model):
        scale = norm.weight / (x.square().mean(-1, keepdim=True) + norm.eps).sqrt()
        return {name: (part * scale * head).sum(-1)
                for name, part in seen.parts.items()}                        # LENS-13
    scale = norm.weight / (x.var(-1, keepdim=True, correction=0) + norm.eps).sqrt()
    shares = {name: ((part - part.mean(-1, keepdim=True)) * scale * head).sum(-1)
              for name, part in seen.parts.items()}                          # LENS-6, LENS-7
    return shares | {"last norm": head @ norm.bias}                          # LENS-8


@torch.no_grad()
def patch(tokens, source, position, model, *, before):
    """Return the logits of a forward into which the stream of another is put, at one place."""
    def replace(_, inputs):
        x, rows = inputs[0].clone(), torch.arange(len(tokens))
        x[rows, position] = source.stream[before][rows, position]            # LENS-9
        return (x, *inputs[1:])

    handle = model.blocks[before].register_forward_pre_hook(replace)
    try:
        return model(tokens)
    finally:
        handle.remove()


def recovery(patched, clean, corrupted):
    """Return the share of a difference that a patch brings back, from three numbers."""
    if clean == corrupted:
        raise ValueError(f"clean is {clean}, and so is corrupted; allowed: two that differ")
    return (patched - corrupted) / (clean - corrupted)                       # LENS-10
