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
        g, u = self.gate(x), self.up(x)                      # SG-1, SG-2
        return self.down(F.silu(g) * u)                      # SG-3 .. SG-5
