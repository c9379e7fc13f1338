"""Dropout, as PyTorch's users write it, or with a mask that was drawn outside."""

from torch import nn
from torch.nn import functional as F


class Dropout(nn.Module):
    """(...) -> (...); raises ValueError for a rate outside 0 <= rate < 1."""

    def __init__(self, rate):
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f"rate is {rate}; allowed: 0 <= rate < 1")
        self.rate = rate

    def forward(self, x, keep=None):
        if keep is None:
            return F.dropout(x, self.rate, self.training)
        return x * keep / (1 - self.rate)                    # DROP-1
