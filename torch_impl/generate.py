"""Sampling: extend a text one token at a time."""

import torch
from torch.nn import functional as F


@torch.no_grad()
def generate(tokens, model, *, block_size, count, rng, temperature=1.0):
    """Return tokens (T,) followed by count sampled ones: (T,) -> (T + count,).

    Each is drawn from softmax(logits / temperature) of the last block_size tokens by one call of
    rng.random(). Raises ValueError for a temperature that is not above 0.
    """
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature}; allowed: above 0")
    was_training = model.training
    model.eval()
    for _ in range(count):
        logits = model(tokens[-block_size:][None])           # (1, T, V)
        probs = F.softmax(logits[0, -1] / temperature, -1)   # (V,)
        tokens = torch.cat([tokens, pick(probs, rng.random())])
    model.train(was_training)
    return tokens


def pick(probs, uniform):
    """Return the first id whose cumulated probability exceeds uniform, a number in [0, 1)."""
    cumulated = probs.cumsum(-1)                             # (V,)
    return torch.searchsorted(cumulated, uniform * cumulated[-1:], right=True)
