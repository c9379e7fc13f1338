"""The loss of DPO, as PyTorch's users write it."""

from torch import nn
from torch.nn import functional as F


class DPO(nn.Module):
    """(B,), (B,) -> ()"""

    def __init__(self, beta):
        super().__init__()
        self.beta = beta

    def forward(self, chosen, rejected, ref_chosen, ref_rejected):
        u = self.beta * ((chosen - ref_chosen) - (rejected - ref_rejected))  # DPO-1
        return -F.logsigmoid(u).mean()                                       # DPO-2
