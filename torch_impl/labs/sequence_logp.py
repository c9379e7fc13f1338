"""The log-probability of a sequence, as PyTorch's users write it."""

from torch import nn
from torch.nn import functional as F


class SequenceLogp(nn.Module):
    """(B, T, V), (B, T) -> (B,)"""

    def forward(self, logits, tokens, counted=None):
        logp = F.log_softmax(logits, dim=-1)
        logp = logp.gather(-1, tokens[..., None])[..., 0]            # SEQ-1
        if counted is not None:
            logp = logp.masked_fill(~counted, 0)
        return logp.sum(-1)                                          # SEQ-2
