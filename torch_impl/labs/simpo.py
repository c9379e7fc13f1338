"""The loss of SimPO, as PyTorch's users write it."""

from torch import nn
from torch.nn import functional as F


class SimPO(nn.Module):
    """(B,), (B,) -> ()"""

    def __init__(self, beta, gamma):
        super().__init__()
        self.beta, self.gamma = beta, gamma

    def forward(self, chosen, rejected, chosen_length, rejected_length):
        u = self.beta * (chosen / chosen_length - rejected / rejected_length) - self.gamma  # SPO-1
        return -F.logsigmoid(u).mean()                                       # SPO-2
