"""A GPT of attention alone, as PyTorch's users write it."""

from torch import nn
from torch.nn import functional as F

from ..attention import Attention
from ..embedding import Embedding
from ..layer_norm import LayerNorm


class Block(nn.Module):
    """(B, T, C) -> (B, T, C)"""

    def __init__(self, n_embd, n_head):
        super().__init__()
        self.norm_1 = LayerNorm(n_embd)
        self.attention = Attention(n_embd, n_head)

    def forward(self, x):
        return x + self.attention(self.norm_1(x))            # AO-2, AO-3


class AttentionOnly(nn.Module):
    """(B, T) -> (B, T, V); raises ValueError for dropout, which it has none of."""

    def __init__(self, vocab_size, block_size, n_layer, n_head, n_embd, dropout=0.0):
        super().__init__()
        if dropout:
            raise ValueError(f"dropout is {dropout}; allowed: 0")
        self.embedding = Embedding(vocab_size, block_size, n_embd)
        self.blocks = nn.ModuleList(Block(n_embd, n_head) for _ in range(n_layer))
        self.norm = LayerNorm(n_embd)

    def forward(self, tokens, keep=None):
        x = self.embedding(tokens)                           # AO-1
        for block in self.blocks:
            x = block(x)
        h = self.norm(x)                                     # AO-4
        return F.linear(h, self.embedding.token.weight)      # AO-5
