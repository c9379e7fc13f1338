"""The MLP of a llama, as PyTorch's users write it."""

from torch import nn
from torch.nn import functional as F


class SwiGLU(nn.Module):
    """(..., C) -> (..., C)"""

    def __init__(self, n_embd, n_hidden):
        super().__init__()
        self.gate = nn.Linear(n_embd, n_hidden, bias=False)
        self.up = nn.Linear(n_embd, n_hidden, bias=False)
        self.down = nn.Linear(n_hidden, n_embd, bias=False)

    def forward(self, x):
        g = self.gate(x)                                     # SG-1
        u = self.up(x)                                       # SG-2
        h = F.silu(g) * u                                    # SG-3, SG-4
        return self.down(h)                                  # SG-5
