"""Softmax with an optional mask, as PyTorch's users write it."""

from torch import nn
from torch.nn import functional as F


class Softmax(nn.Module):
    """(..., S) -> (..., S)"""

    def forward(self, x, mask=None):
        if mask is not None:
            x = x.masked_fill(~mask, float("-inf"))          # SM-1
        return F.softmax(x, dim=-1)                          # SM-2 .. SM-4
