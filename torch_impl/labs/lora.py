"""LoRA, as PyTorch's users write it: a frozen weight, and a small learned product beside it."""

import math

import torch
from torch import nn
from torch.nn import functional as F


class LoRA(nn.Module):
    """(..., I) -> (..., O)"""

    def __init__(self, n_in, n_out, rank, scale):
        super().__init__()
        self.a = nn.Parameter(torch.randn(rank, n_in) / math.sqrt(n_in))
        self.b = nn.Parameter(torch.zeros(n_out, rank))
        self.scale = scale

    def forward(self, x, weight):
        h = F.linear(x, self.a)                                          # LORA-1
        return F.linear(x, weight) + self.scale * F.linear(h, self.b)    # LORA-2
