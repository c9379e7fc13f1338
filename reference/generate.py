"""Sampling: extend a text one token at a time."""

import numpy as np

from . import gpt, softmax


def generate(tokens, p, *, config, count, rng, temperature=1.0):
    """Return tokens (T,) followed by count sampled ones: (T,) -> (T + count,).

    Each is drawn from softmax(logits / temperature) of the last block_size tokens by one call of
    rng.random(). Raises ValueError for a temperature that is not above 0.
    """
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature}; allowed: above 0")
    for _ in range(count):
        window = tokens[-config.block_size:]                             # (T,) with T <= S
        logits, _ = gpt.forward(window[None], p, config=config)          # (1, T, V)
        probs, _ = softmax.forward(logits[0, -1] / temperature)          # (V,)
        tokens = np.append(tokens, pick(probs, rng.random()))
    return tokens


def pick(probs, uniform):
    """Return the first id whose cumulated probability exceeds uniform, a number in [0, 1)."""
    cumulated = probs.cumsum()                                           # (V,)
    return np.searchsorted(cumulated, uniform * cumulated[-1], side="right")
