"""Token and position embedding, as PyTorch's users write it."""

import torch
from torch import nn


class Embedding(nn.Module):
    """(B, T) -> (B, T, C); raises ValueError for T above S."""

    def __init__(self, vocab_size, block_size, n_embd):
        super().__init__()
        self.token = nn.Embedding(vocab_size, n_embd)
        self.position = nn.Embedding(block_size, n_embd)

    def forward(self, tokens):
        T = tokens.shape[1]
        S = self.position.num_embeddings
        if not 1 <= T <= S:
            raise ValueError(f"tokens has {T} positions; allowed: 1 to {S}")
        positions = torch.arange(T, device=tokens.device)
        return self.token(tokens) + self.position(positions)     # EMB-1
