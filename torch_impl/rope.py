"""Rotary positions, as PyTorch's users write them."""

import torch
from torch import nn


class RoPE(nn.Module):
    """(..., T, D) -> (..., T, D); raises ValueError for an odd D."""

    def __init__(self, base=10000.0, start=0):
        super().__init__()
        self.base, self.start = base, start

    def forward(self, x):
        cos, sin = turns(*x.shape[-2:], self.base, self.start, x)
        return x * cos + rotate_half(x) * sin                               # ROPE-2


def turns(T, D, base, start, like):
    """Return cos and sin of every angle, each angle for both channels of its pair: (T, D) each."""
    if D % 2:
        raise ValueError(f"x has D = {D} channels a head; allowed: an even number")
    double = dict(dtype=torch.float64, device=like.device)
    frequencies = base ** (-torch.arange(0, D, 2, **double) / D)            # (D / 2,)
    positions = start + torch.arange(T, **double)                           # (T,)
    angles = torch.outer(positions, frequencies)                            # ROPE-1
    angles = torch.cat((angles, angles), dim=-1)                            # (T, D)
    return angles.cos().to(like.dtype), angles.sin().to(like.dtype)


def rotate_half(x):
    """Return (-b, a) for the halves (a, b) of each row: (..., D) -> (..., D)."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat((-b, a), dim=-1)
