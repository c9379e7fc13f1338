"""Causal attention in blocks, as PyTorch's users call it."""

from torch import nn
from torch.nn import functional as F


class FlashAttention(nn.Module):
    """(B, H, T, D) -> (B, H, T, D)"""

    def forward(self, q, k, v):
        return F.scaled_dot_product_attention(
            q, k, v, is_causal=True)                         # FA-1 .. FA-8
