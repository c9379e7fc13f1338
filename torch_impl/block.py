"""One transformer block, as PyTorch's users write it."""

from torch import nn

from .attention import Attention
from .layer_norm import LayerNorm
from .mlp import MLP


class Block(nn.Module):
    """(B, T, C) -> (B, T, C)"""

    def __init__(self, n_embd, n_head, rate=0.0):
        super().__init__()
        self.norm_1 = LayerNorm(n_embd)
        self.attention = Attention(n_embd, n_head, rate)
        self.norm_2 = LayerNorm(n_embd)
        self.mlp = MLP(n_embd, rate)

    def forward(self, x, keep=None):
        r = x + self.attention(
            self.norm_1(x), keep and keep.attention)         # BLK-1, BLK-2
        return r + self.mlp(
            self.norm_2(r), keep and keep.mlp)               # BLK-3, BLK-4
