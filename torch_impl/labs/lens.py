"""What goes on inside a GPT, seen through hooks."""

import contextlib
import math
from typing import NamedTuple

import torch
from torch.nn import functional as F


class Seen(NamedTuple):
    """What one forward leaves to look at."""

    stream: tuple         # of (B, T, C): before each block, and after the last
    weights: tuple        # of (B, H, T, T), each block's
    parts: dict           # of (B, T, C) by name; their sum is the last stream
    logits: torch.Tensor  # (B, T, V)


@torch.no_grad()
def see(tokens, model):
    """Run a GPT without dropout and return what there is to see: (B, T) -> Seen."""
    with recorded(model) as (given, made):
        logits = model(tokens)
    embedding = model.embedding
    stream, weights = [], []
    token = embedding.token(tokens)
    position = embedding.position.weight[:tokens.shape[1]].expand_as(token).clone()
    parts = {"token": token, "position": position}
    for l, block in enumerate(model.blocks):
        name = f"blocks.{l}"
        stream.append(given[name])                                           # LENS-1
        weights.append(weights_of(made[f"{name}.attention.qkv"], block.attention.n_head))
        parts |= written(l, block, given, made)
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


def weights_of(qkv, n_head):
    """Return the weights that scaled_dot_product_attention keeps to itself: (B, T, 3C)."""
    B, T, _ = qkv.shape
    q, k, _ = (a.view(B, T, n_head, -1).transpose(1, 2) for a in qkv.chunk(3, dim=-1))
    unseen = torch.ones(T, T, dtype=torch.bool, device=qkv.device).triu(1)
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    return scores.masked_fill(unseen, -math.inf).softmax(-1)                 # LENS-2


@torch.no_grad()
def logit_lens(x, model):
    """Return the logits of a stream, as if it were the last: (B, T, C) -> (B, T, V)."""
    return F.linear(model.norm(x), model.embedding.token.weight)             # LENS-3


def written(l, block, given, made):
    """Return what each part of block l adds to the stream, by name: (B, T, C) each."""
    proj, H = block.attention.proj, block.attention.n_head
    merged = given[f"blocks.{l}.attention.proj"]
    heads = zip(merged.chunk(H, dim=-1), proj.weight.chunk(H, dim=-1))
    parts = {f"head {l}.{h}": mixed @ mine.mT
             for h, (mixed, mine) in enumerate(heads)}                       # LENS-4
    parts[f"bias {l}"] = proj.bias.expand_as(merged).clone()
    if f"blocks.{l}.mlp" in made:
        parts[f"MLP {l}"] = made[f"blocks.{l}.mlp"]                          # LENS-5
    return parts


@torch.no_grad()
def attribute(seen, targets, model):
    """Return what each part adds to the logits of the targets, by name: (B, T) -> (B, T) each."""
    x, norm, head = seen.stream[-1], model.norm, model.embedding.token(targets)
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
