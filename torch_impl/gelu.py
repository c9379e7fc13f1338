"""GELU in GPT-2's tanh form, as PyTorch's users write it."""

from torch import nn
from torch.nn import functional as F


class GELU(nn.Module):
    """(...) -> (...)"""

    def forward(self, x):
        return F.gelu(x, approximate="tanh")                 # GELU-1 .. GELU-3
