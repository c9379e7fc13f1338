"""The loss of KTO, as PyTorch's users write it."""

import torch
from torch import nn


class KTO(nn.Module):
    """(B,) -> ()"""

    def __init__(self, beta, lambda_d, lambda_u):
        super().__init__()
        self.beta, self.lambda_d, self.lambda_u = beta, lambda_d, lambda_u

    def forward(self, logp, ref_logp, desirable, z0):
        h = self.beta * (logp - ref_logp - z0.detach())
        u = torch.where(desirable, h, -h)                                    # KTO-1
        weight = torch.where(desirable, self.lambda_d, self.lambda_u).to(u.dtype)
        return (weight * torch.sigmoid(-u)).mean()                           # KTO-2
