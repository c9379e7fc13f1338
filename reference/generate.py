"""Sampling: continue a text one token at a time."""

import math
import numbers

import numpy as np

from . import decode, gpt, softmax
from .tools.arguments import check_floats, check_ids

COLD = 1e-20  # a temperature


def generate(tokens, p, *, config, count, rng, temperature=1.0, top_k=None, top_p=1.0,
             cached=True, model=gpt, decoder=decode):
    """Return an iterator over count sampled ids, ints, that continue tokens: (T,), T from 1 up.

    Each is drawn from the probabilities after a window of the text so far, by one call of
    rng.random(); at a temperature of 0, too, where only the likeliest can be drawn. The window
    starts at the smallest multiple of ceil(S / 2) that leaves at most S tokens: it grows to S, then
    goes on from its later half. Positions are counted from its start, so while it grows keys and
    values stay as they are, and cached keeps them. A llama's p needs its model and its decoder:
    model=llama, decoder=llama_decode.
    Raises TypeError, ValueError or IndexError for tokens that are not ids from 0 to V - 1,
    ValueError for a setting out of range, FloatingPointError where logits / temperature overflows.
    """
    check_settings(count, temperature, top_k, top_p)
    check_ids("tokens", tokens, config.vocab_size)
    if tokens.ndim != 1:
        raise ValueError(f"tokens has shape {tokens.shape}; allowed: (T,)")
    return stream(tokens, p, config, count, rng, model, decoder if cached else None,
                  dict(temperature=temperature, top_k=top_k, top_p=top_p))


def stream(tokens, p, config, count, rng, model, decoder, settings):
    """Yield the ids of generate."""
    window, memory = tokens[window_start(len(tokens), config.block_size):].tolist(), None
    for _ in range(count):
        if decoder is None:
            logits = model.forward(np.array([window]), p, config=config)[0][0, -1]   # (V,)
        elif memory is None:
            logits, memory = decoder.begin(np.array(window), p, config=config)       # (V,)
        else:
            logits = decoder.step(window[-1], p, memory, len(window) - 1)            # (V,)
        token = pick(probabilities(logits, **settings), rng.random())
        yield token
        window.append(token)
        if len(window) > config.block_size:
            window, memory = window[window_start(len(window), config.block_size):], None


def window_start(length, block_size):
    """Return the smallest multiple of ceil(S / 2) that leaves at most S of length tokens."""
    hop = -(-block_size // 2)
    return max(0, -(-(length - block_size) // hop)) * hop


@np.errstate(all="ignore")  # what overflows ends in an infinity or a NaN, and softmax refuses it
def probabilities(logits, *, temperature=1.0, top_k=None, top_p=1.0):
    """Return softmax(logits / temperature), cut to the likeliest ids and rescaled: (V,) -> (V,).

    The ids are put in order, the likeliest first and of equal ones the lower first. top_k keeps
    the first top_k, or all. top_p then keeps the shortest beginning of these whose probabilities,
    rescaled, sum to top_p or more; 1 keeps all. The others get exactly 0. At a temperature of
    0, or below COLD, the first id gets all.
    Source: Fan et al., "Hierarchical Neural Story Generation" (2018), section 5.4, for top_k;
    Holtzman et al., "The Curious Case of Neural Text Degeneration" (2020), equation 2, for top_p.
    """
    check_floats(logits=(logits, "V"))
    if temperature < COLD:  # logits / temperature might overflow
        temperature, top_k = 1.0, 1
    probs, _ = softmax.forward(logits / temperature)                     # (V,)
    if top_k is None and top_p == 1:
        return probs
    order = np.argsort(-logits, kind="stable")[:top_k]                   # (K,)
    top = probs[order]                                                   # (K,)
    if top_p < 1:
        before = np.append(0, top.cumsum()[:-1])                         # (K,)
        top = np.where(before < top_p * top.sum(), top, 0)               # (K,)
    cut = np.zeros_like(probs)                                           # (V,)
    cut[order] = top / top.sum()                                         # (K,)
    return cut


def pick(probs, uniform):
    """Return the first id whose cumulated probability exceeds uniform, a number in [0, 1)."""
    cumulated = probs.cumsum(dtype=np.float64)       # (V,)  in float32 uniform might round to 1
    return int(cumulated.searchsorted(uniform * cumulated[-1], side="right"))


def check_settings(count, temperature, top_k, top_p):
    """Refuse a setting that is out of range with a ValueError."""
    if not (isinstance(count, numbers.Integral) and count >= 0):
        raise ValueError(f"count is {count}; allowed: an integer from 0 up")
    if not 0 <= temperature < math.inf:
        raise ValueError(f"temperature is {temperature}; allowed: a finite number above 0, or 0 "
                         "for the likeliest id each time")
    if not (top_k is None or isinstance(top_k, numbers.Integral) and top_k >= 1):
        raise ValueError(f"top_k is {top_k}; allowed: an integer from 1 up, or None for all ids")
    if not 0 < top_p <= 1:
        raise ValueError(f"top_p is {top_p}; allowed: above 0 and at most 1")
