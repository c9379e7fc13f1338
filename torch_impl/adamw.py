"""AdamW, clipping and the learning-rate schedule, as PyTorch's users write them."""

import math

from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR


def optimizer(model, *, lr, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.1):
    """Return a fused AdamW over the model's parameters in which only matrices decay."""
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": weight_decay},
              {"params": vectors, "weight_decay": 0.0}]                  # AW-5
    return AdamW(
        groups, lr=lr, betas=(beta1, beta2),
        eps=eps, fused=True)                     # AW-1 .. AW-4, AW-6, FAW-2 .. FAW-5


def clip(model, max_norm):
    """Scale the gradients in place to a global norm of at most max_norm; return the norm before."""
    return nn.utils.clip_grad_norm_(
        model.parameters(), max_norm)                                    # AW-7, AW-8, FAW-1


def scheduler(optimizer, *, lr, min_lr, warmup, steps, start=0):
    """Return a LambdaLR from step `start` on: a linear rise, then half a cosine to min_lr."""
    low = min_lr / lr if lr else 1.0

    def factor(made):
        step = start + made
        if step < warmup:
            return (step + 1) / (warmup + 1)                             # AW-9
        progress = min(1.0, (step - warmup) / max(1, steps - warmup))
        wave = (1 + math.cos(math.pi * progress)) / 2
        return low + (1 - low) * wave                                    # AW-10
    return LambdaLR(optimizer, factor)
