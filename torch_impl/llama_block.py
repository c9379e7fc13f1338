"""One block of a llama, as PyTorch's users write it."""

from torch import nn

from .grouped_attention import GroupedAttention
from .rms_norm import RMSNorm
from .swiglu import SwiGLU


class LlamaBlock(nn.Module):
    """(B, T, C) -> (B, T, C)"""

    def __init__(self, n_embd, n_head, n_kv_head, n_hidden, rope_base=10000.0, eps=1e-5):
        super().__init__()
        self.norm_1 = RMSNorm(n_embd, eps)
        self.attention = GroupedAttention(n_embd, n_head, n_kv_head, rope_base)
        self.norm_2 = RMSNorm(n_embd, eps)
        self.mlp = SwiGLU(n_embd, n_hidden)

    def forward(self, x):
        r = x + self.attention(self.norm_1(x))               # LB-1, LB-2
        return r + self.mlp(self.norm_2(r))                  # LB-3, LB-4
