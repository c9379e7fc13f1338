"""Dropout, as PyTorch's users write it, or with a mask that was drawn outside."""

from torch import nn
from torch.nn import functional as F


class Dropout(nn.Module):
    """(...) -> (...)"""

    def __init__(self, rate):
        super().__init__()
        self.rate = rate

    def forward(self, x, keep=None):
        if keep is None:
            return F.dropout(x, self.rate, self.training)
        return x * keep / (1 - self.rate)                    # DROP-1
