"""Causal self-attention whose heads share keys and values, as PyTorch's users write it."""

from torch import nn
from torch.nn import functional as F

from .rope import RoPE


class GroupedAttention(nn.Module):
    """(B, T, C) -> (B, T, C); raises ValueError for sizes that don't divide."""

    def __init__(self, n_embd, n_head, n_kv_head, rope_base=10000.0):
        super().__init__()
        if n_embd % n_head:
            raise ValueError(f"n_embd is {n_embd}; allowed: a multiple of n_head = {n_head}")
        if n_head % n_kv_head:
            raise ValueError(f"n_kv_head is {n_kv_head}; allowed: a divisor of n_head = {n_head}")
        self.head = n_embd // n_head
        self.q = nn.Linear(n_embd, n_embd, bias=False)
        self.k = nn.Linear(n_embd, n_kv_head * self.head, bias=False)
        self.v = nn.Linear(n_embd, n_kv_head * self.head, bias=False)
        self.rope = RoPE(rope_base)
        self.proj = nn.Linear(n_embd, n_embd, bias=False)

    def forward(self, x):
        B, T, C = x.shape
        q = self.split_heads(self.q(x))                                  # GA-1
        k = self.split_heads(self.k(x))                                  # GA-2
        v = self.split_heads(self.v(x))                                  # GA-3
        q = self.rope(q)                                                 # GA-4
        k = self.rope(k)                                                 # GA-5
        mixed = F.scaled_dot_product_attention(
            q, k, v, is_causal=True, enable_gqa=True)                    # GA-6 .. GA-8
        merged = mixed.transpose(1, 2).reshape(B, T, C)
        return self.proj(merged)                                         # GA-9

    def split_heads(self, x):
        """Cut the channels into heads: (B, T, H D) -> (B, H, T, D)."""
        B, T, _ = x.shape
        return x.view(B, T, -1, self.head).transpose(1, 2)
