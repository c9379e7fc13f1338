"""Two ways to say where a token stands, as PyTorch's users write them."""

import torch

from ..grouped_attention import GroupedAttention
from ..rope import turns
from .attention_only import AttentionOnly


def waves(S, C):
    """Return the table of sines and cosines that is added to the tokens: (S, C), C even."""
    cos, sin = turns(S, C, 10000.0, 0, torch.zeros(0, dtype=torch.float64))
    table = torch.empty(S, C, dtype=torch.float64)
    table[:, ::2], table[:, 1::2] = sin[:, : C // 2], cos[:, : C // 2]     # POS-1
    return table


class Turned(AttentionOnly):
    """AttentionOnly whose queries and keys are turned: (B, T) -> (B, T, V)."""

    def __init__(self, vocab_size, block_size, n_layer, n_head, n_embd, dropout=0.0):
        super().__init__(vocab_size, block_size, n_layer, n_head, n_embd, dropout)
        for block in self.blocks:
            block.attention = GroupedAttention(n_embd, n_head, n_head)     # POS-2, POS-3
