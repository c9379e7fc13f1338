"""Multi-head causal self-attention, as PyTorch's users write it."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from .dropout import Dropout
from .linear import Linear
from .softmax import Softmax


class Attention(nn.Module):
    """(B, T, C) -> (B, T, C); raises ValueError if C is not divisible by n_head."""

    def __init__(self, n_embd, n_head, rate=0.0):
        super().__init__()
        if n_embd % n_head:
            raise ValueError(f"n_embd is {n_embd}; allowed: a multiple of n_head = {n_head}")
        self.n_head = n_head
        self.qkv = Linear(n_embd, 3 * n_embd)
        self.softmax = Softmax()
        self.weights_drop = Dropout(rate)
        self.proj = Linear(n_embd, n_embd)
        self.output_drop = Dropout(rate)

    def forward(self, x, keep=None):
        B, T, C = x.shape
        qkv = self.qkv(x)                                                # ATT-1
        q, k, v = (a.view(B, T, self.n_head, -1).transpose(1, 2)
                   for a in qkv.chunk(3, dim=-1))                        # ATT-2
        if keep is None:
            rate = self.weights_drop.rate if self.training else 0.0
            mixed = F.scaled_dot_product_attention(
                q, k, v, is_causal=True, dropout_p=rate)                 # ATT-3 .. ATT-6
        else:
            mixed = self.attend_with(keep.weights, q, k, v)
        y = self.proj(mixed.transpose(1, 2).reshape(B, T, C))            # ATT-7
        return self.output_drop(y, keep and keep.output)                 # ATT-8

    def attend_with(self, keep, q, k, v):
        """Attend with a given dropout mask: scaled_dot_product_attention takes none."""
        T = q.shape[-2]
        seen = torch.ones(T, T, dtype=torch.bool, device=q.device).tril()
        weights = self.softmax(q @ k.mT / math.sqrt(q.shape[-1]), seen)
        return self.weights_drop(weights, keep) @ v
