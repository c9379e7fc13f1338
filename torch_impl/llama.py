"""The llama, as PyTorch's users write it."""

import math

from torch import nn
from torch.nn import functional as F

from .llama_block import LlamaBlock
from .rms_norm import RMSNorm


class Llama(nn.Module):
    """(B, T) -> (B, T, V); raises ValueError for a size that can't be built and for T above S."""

    def __init__(self, vocab_size, block_size, n_layer, n_head, n_kv_head, n_embd, n_hidden,
                 rope_base=10000.0, eps=1e-5, tied=False):
        super().__init__()
        self.block_size = block_size
        self.embedding = nn.Embedding(vocab_size, n_embd)
        self.blocks = nn.ModuleList(
            LlamaBlock(n_embd, n_head, n_kv_head, n_hidden, rope_base, eps)
            for _ in range(n_layer))
        self.norm = RMSNorm(n_embd, eps)
        self.head = None if tied else nn.Linear(n_embd, vocab_size, bias=False)
        for name, weight in self.named_parameters():
            if name.endswith(("proj.weight", "down.weight")):
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * n_layer))
            elif weight.ndim == 2:  # of a norm it is 1
                nn.init.normal_(weight, std=0.02)

    def forward(self, tokens, keep=None):
        T, S = tokens.shape[1], self.block_size
        if not 1 <= T <= S:
            raise ValueError(f"tokens has {T} positions; allowed: 1 to {S}")
        x = self.embedding(tokens)                                       # LL-1
        for block in self.blocks:
            x = block(x)                                                 # LL-2
        h = self.norm(x)                                                 # LL-3
        return F.linear(h, (self.head or self.embedding).weight)         # LL-4
