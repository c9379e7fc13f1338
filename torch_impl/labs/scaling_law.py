"""The scaling law in PyTorch: the logarithm of the loss that a size and a budget lead to."""

import torch
from torch import nn


class ScalingLaw(nn.Module):
    """The logarithm of (E + A / N^alpha + B / D^beta)^gamma: (6,), (R,), (R,) -> (R,)."""

    def forward(self, theta, log_n, log_d):
        a, alpha, b, beta, e, gamma = theta
        terms = torch.stack([a - alpha * log_n, b - beta * log_d, e.expand_as(log_n)], -1)  # LAW-1
        return gamma * terms.logsumexp(-1)                           # LAW-2 LAW-3
