"""The MLP of a block, as PyTorch's users write it."""

from torch import nn

from .dropout import Dropout
from .gelu import GELU
from .linear import Linear


class MLP(nn.Module):
    """(B, T, C) -> (B, T, C)"""

    def __init__(self, n_embd, rate=0.0):
        super().__init__()
        self.up = Linear(n_embd, 4 * n_embd)
        self.gelu = GELU()
        self.down = Linear(4 * n_embd, n_embd)
        self.drop = Dropout(rate)

    def forward(self, x, keep=None):
        h = self.up(x)                                       # MLP-1
        a = self.gelu(h)                                     # MLP-2
        y = self.down(a)                                     # MLP-3
        return self.drop(y, keep)                            # MLP-4
