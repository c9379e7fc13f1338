"""PPO's clipped surrogate, as PyTorch's users write it."""

import torch
from torch import nn


class ClippedSurrogate(nn.Module):
    """(N,), (N,), (N,) -> (); raises ValueError for an epsilon outside 0 < epsilon < 1."""

    def __init__(self, epsilon=0.2):
        super().__init__()
        if not 0 < epsilon < 1:
            raise ValueError(f"epsilon is {epsilon}; allowed: 0 < epsilon < 1")
        self.epsilon = epsilon

    def forward(self, logp, old_logp, advantages):
        ratio = (logp - old_logp).exp()                                  # CLIP-1
        free = advantages * ratio                                        # CLIP-2
        held = advantages * ratio.clamp(1 - self.epsilon, 1 + self.epsilon)  # CLIP-3
        return -torch.minimum(free, held).mean()                         # CLIP-4
