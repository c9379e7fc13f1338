"""Skip-gram with negative sampling, as PyTorch's users write it."""

from torch import nn
from torch.nn import functional as F


class SkipGram(nn.Module):
    """(B,), (B,), (B, M) -> ()"""

    def __init__(self, vocab_size, n_embd):
        super().__init__()
        self.word = nn.Embedding(vocab_size, n_embd)
        self.context = nn.Embedding(vocab_size, n_embd)

    def forward(self, words, contexts, noise):
        w, c = self.word(words), self.context(contexts)                      # SKIP-1
        q = self.context(noise)                                              # SKIP-2
        u = (w * c).sum(-1)                                                  # SKIP-3
        s = (q @ w[..., None]).squeeze(-1)                                   # SKIP-4
        return -(F.logsigmoid(u) + F.logsigmoid(-s).sum(-1)).mean()          # SKIP-5
