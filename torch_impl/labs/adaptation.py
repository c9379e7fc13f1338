"""Adapters in a whole model, as PyTorch's users write them: around each linear layer of a block."""

from torch import nn

from ..train import cross_entropy
from .lora import LoRA


class Adapted(nn.Module):
    """A linear layer that is frozen, and its adapter: (..., I) -> (..., O)"""

    def __init__(self, linear, rank, scale):
        super().__init__()
        self.linear = linear
        self.weight = LoRA(linear.in_features, linear.out_features, rank, scale)

    def forward(self, x):
        y = self.weight(x, self.linear.weight)                           # AD-1
        return y if self.linear.bias is None else y + self.linear.bias


def adapt(model, *, rank, scale):
    """Freeze a model, and give each linear layer of its blocks an adapter; return the model."""
    model.requires_grad_(False)
    for part in list(model.blocks.modules()):
        for name, layer in list(part.named_children()):
            if isinstance(layer, nn.Linear):
                setattr(part, name, Adapted(layer, rank, scale))
    return model


loss = cross_entropy
