"""Which head looks where, and what the model is without it. Derivation: induction.md."""

import numpy as np

from .. import attention, embedding, layer_norm, linear
from ..tools.arguments import check_config


def forward(tokens, p, *, config, ablation=None):
    """Return logits, weights and outputs of every head: (B, T) -> (B, T, V), (L, B, H, T, T),
    (L, B, H, T, D).

    p is of attention_only. ablation may be a triple: a block, a head of it, and what that head puts
    out everywhere, (D,). Raises ValueError for a block or a head that is not there.
    """
    check_config(config, n_layer=len(p.blocks), n_embd=len(p.norm.weight))
    ablated, head, by = ablation or (None, None, None)
    if ablation:
        check_place(block=(ablated, config.n_layer), head=(head, config.n_head))
    weights, outputs = [], []
    x, _ = embedding.forward(tokens, p.embedding)                        # (B, T, C)
    for l, block in enumerate(p.blocks):
        n, _ = layer_norm.forward(x, block.norm_1)                       # (B, T, C)
        a, attend = attention.forward(n, block.attention, n_head=config.n_head)
        z = attention.split_heads(attend.proj.x, config.n_head)          # (B, H, T, D)  IND-1
        if l == ablated:
            z = z.copy()
            z[:, head] = by                                              # (B, T, D)     IND-2
            a, _ = linear.forward(attention.merge_heads(z), block.attention.proj)
        x = x + a                                                        # (B, T, C)
        weights.append(attend.weights)
        outputs.append(z)
    h, _ = layer_norm.forward(x, p.norm)                                 # (B, T, C)
    return h @ p.embedding.token.weight.T, np.stack(weights), np.stack(outputs)


def check_place(**places):
    """Refuse a number that is not below its limit with a ValueError."""
    for name, (value, limit) in places.items():
        if not 0 <= value < limit:
            raise ValueError(f"{name} is {value}; allowed: 0 to {limit - 1}")


def mean_output(outputs):
    """Return what each head puts out on average: (L, B, H, T, D) -> (L, H, D)."""
    return outputs.mean((1, 3))                                          # (L, H, D)  IND-3


def previous_token_score(weights, asked):
    """Return each head's weight on the position before: (L, B, H, T, T), (B, T) -> (L, H).

    It is a mean over the positions where asked is True, of which none is a first one.
    """
    before = np.diagonal(weights, -1, axis1=-2, axis2=-1)                # (L, B, H, T - 1)
    before = before.swapaxes(2, 3)[:, asked[:, 1:]]                      # (L, N, H)
    return before.mean(1)                                                # (L, H)  IND-4


def prefix_matching_score(weights, tokens, asked):
    """Return each head's weight on what followed the same token: ..., (B, T), (B, T) -> (L, H).

    It is a mean over the positions where asked is True.
    Source: Olsson et al., "In-context Learning and Induction Heads" (2022), for prefix matching.
    """
    follows = np.zeros((*tokens.shape, tokens.shape[1]), bool)           # (B, T, T)
    follows[:, :, 1:] = tokens[:, :, None] == tokens[:, None, :-1]       # (B, T, T)  IND-5
    found = (weights * follows[:, None]).sum(-1)                         # (L, B, H, T)
    return found.swapaxes(2, 3)[:, asked].mean(1)                        # (L, H)     IND-6


def accuracy(logits, targets):
    """Return the share of the targets that count and have the largest logit: ... -> ()."""
    counted = targets >= 0
    return (logits.argmax(-1) == targets)[counted].mean()                # ()  IND-7


def guess_loss(tokens, targets):
    """Return the loss of a guess among the values so far, each as likely as it is frequent.

    Keys are at even positions, values at odd ones: (B, T), (B, T) -> ().
    """
    losses = []
    for row, t in zip(*np.nonzero(targets >= 0)):
        values = tokens[row, 1:t:2]                                      # (t / 2,)
        losses.append(-np.log((values == targets[row, t]).mean()))       # ()  IND-8
    return np.mean(losses)
