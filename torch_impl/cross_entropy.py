"""Cross-entropy of logits, as PyTorch's users write it."""

from torch import nn
from torch.nn import functional as F


class CrossEntropy(nn.Module):
    """(..., V), (...) -> (); raises ValueError where every target is ignored."""

    def __init__(self, ignore_index=-100):
        super().__init__()
        self.ignore_index = ignore_index

    def forward(self, logits, targets):
        if (targets == self.ignore_index).all():
            raise ValueError(
                f"every target is ignore_index = {self.ignore_index}; allowed: not all")
        return F.cross_entropy(
            logits.flatten(0, -2), targets.flatten(),
            ignore_index=self.ignore_index)                  # CE-1 .. CE-4
