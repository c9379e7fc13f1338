"""The GPT, as PyTorch's users write it."""

import math

from torch import nn
from torch.nn import functional as F

from .block import Block
from .dropout import Dropout
from .embedding import Embedding
from .layer_norm import LayerNorm
from .linear import Linear


class GPT(nn.Module):
    """(B, T) -> (B, T, V); raises ValueError for a size that can't be built."""

    def __init__(self, vocab_size, block_size, n_layer, n_head, n_embd, dropout=0.0):
        super().__init__()
        self.embedding = Embedding(vocab_size, block_size, n_embd)
        self.drop = Dropout(dropout)
        self.blocks = nn.ModuleList(Block(n_embd, n_head, dropout) for _ in range(n_layer))
        self.norm = LayerNorm(n_embd)
        self.apply(self.init)
        for name, weight in self.named_parameters():
            if name.endswith(("proj.weight", "down.weight")):
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * n_layer))

    @staticmethod
    def init(module):
        """Give one layer GPT-2's initial values; only its position table has 0.01 there."""
        if isinstance(module, (Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, Linear):
            nn.init.zeros_(module.bias)

    def forward(self, tokens, keep=None):
        x = self.embedding(tokens)                                       # LM-1
        x = self.drop(x, keep and keep.embedding)                        # LM-2
        for i, block in enumerate(self.blocks):
            x = block(x, keep and keep.blocks[i])                        # LM-3
        h = self.norm(x)                                                 # LM-4
        return F.linear(h, self.embedding.token.weight)                  # LM-5
