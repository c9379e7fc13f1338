"""Which head looks where, and what the model is without it, in PyTorch."""

import math

import torch


@torch.no_grad()
def forward(tokens, model, *, ablation=None):
    """Return logits, weights and outputs of every head: (B, T) -> (B, T, V), (L, B, H, T, T),
    (L, B, H, T, D).

    model is of attention_only. ablation may be a triple: a block, a head of it, and what that head
    puts out everywhere, (D,).
    """
    B, T = tokens.shape
    ablated, head, by = ablation or (None, None, None)
    seen = torch.ones(T, T, dtype=torch.bool).tril()
    weights, outputs = [], []
    x = model.embedding(tokens)
    for l, block in enumerate(model.blocks):
        attend = block.attention
        q, k, v = (a.view(B, T, attend.n_head, -1).transpose(1, 2)
                   for a in attend.qkv(block.norm_1(x)).chunk(3, dim=-1))
        weights.append(attend.softmax(q @ k.mT / math.sqrt(q.shape[-1]), seen))
        z = weights[-1] @ v                                              # IND-1
        if l == ablated:
            z[:, head] = by                                              # IND-2
        outputs.append(z)
        x = x + attend.proj(z.transpose(1, 2).reshape(B, T, -1))
    logits = model.norm(x) @ model.embedding.token.weight.mT
    return logits, torch.stack(weights), torch.stack(outputs)


def mean_output(outputs):
    """Return what each head puts out on average: (L, B, H, T, D) -> (L, H, D)."""
    return outputs.mean((1, 3))                                          # IND-3


def previous_token_score(weights, asked):
    """Return each head's weight on the position before: (L, B, H, T, T), (B, T) -> (L, H)."""
    before = weights.diagonal(-1, -2, -1)                                # (L, B, H, T - 1)
    return (before * asked[:, None, 1:]).sum((1, 3)) / asked.sum()       # IND-4


def prefix_matching_score(weights, tokens, asked):
    """Return each head's weight on what followed the same token: ..., (B, T), (B, T) -> (L, H)."""
    follows = torch.nn.functional.pad(tokens[:, :, None] == tokens[:, None, :-1], (1, 0))  # IND-5
    found = (weights * follows[:, None]).sum(-1)                         # (L, B, H, T)
    return (found * asked[:, None]).sum((1, 3)) / asked.sum()            # IND-6


def accuracy(logits, targets):
    """Return the share of the targets that count and have the largest logit: ... -> ()."""
    counted = targets >= 0
    return (logits.argmax(-1) == targets)[counted].double().mean()       # IND-7


def guess_loss(tokens, targets):
    """Return the loss of a guess among the values so far: (B, T), (B, T) -> ()."""
    T = tokens.shape[1]
    places = torch.arange(T)
    values = (places % 2 == 1) & (places < places[:, None])              # (T, T), before each
    same = values & (tokens[:, None] == targets[..., None])              # (B, T, T)
    share = same.sum(-1) / values.sum(-1).clamp(min=1).double()          # (B, T)
    return -share[targets >= 0].log().mean()                             # IND-8
