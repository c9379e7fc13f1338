"""A model of patches of bytes, as PyTorch's users write it."""

import torch
from torch import nn
from torch.nn import functional as F

from ..block import Block
from ..embedding import Embedding
from ..layer_norm import LayerNorm


class Megabyte(nn.Module):
    """(B, T) -> (B, T, V), of each byte from those before it; T is a multiple of the patch."""

    def __init__(self, vocab_size, block_size, patch, n_global, n_local, n_head, n_embd):
        super().__init__()
        self.patch = patch
        self.embedding = Embedding(vocab_size, block_size, n_embd)
        self.start_patch = nn.Parameter(0.02 * torch.randn(patch, n_embd))
        self.start_byte = nn.Parameter(0.02 * torch.randn(n_embd))
        self.global_blocks = nn.ModuleList(Block(patch * n_embd, n_head) for _ in range(n_global))
        self.local_blocks = nn.ModuleList(Block(n_embd, n_head) for _ in range(n_local))
        self.norm = LayerNorm(n_embd)

    def forward(self, tokens, keep=None):
        B, T = tokens.shape
        if T % self.patch:
            raise ValueError(f"tokens has {T} bytes a text; allowed: a multiple of patch = "
                             f"{self.patch}")
        x = self.embedding(tokens)                                        # MB-1
        patches = x.view(B, T // self.patch, -1)
        g = later(patches, self.start_patch.flatten())                    # MB-2
        for block in self.global_blocks:
            g = block(g)                                                  # MB-3
        inside = x.view(B * T // self.patch, self.patch, -1)
        y = g.view_as(inside) + later(inside, self.start_byte)            # MB-4, MB-5
        for block in self.local_blocks:
            y = block(y)                                                  # MB-6
        h = self.norm(y)                                                  # MB-7
        return F.linear(h, self.embedding.token.weight).view(B, T, -1)    # MB-8


def later(x, start):
    """Return each row one place later, behind the start: (N, T, E) -> (N, T, E)."""
    return torch.cat((start.expand(len(x), 1, -1), x[:, :-1]), dim=1)
