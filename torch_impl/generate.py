"""Sampling: continue a text one token at a time."""

import math
import numbers

import torch
from torch.nn import functional as F

from . import decode

COLD = 1e-20  # a temperature


def generate(tokens, model, *, count, rng, temperature=1.0, top_k=None, top_p=1.0, cached=True,
             decoder=decode):
    """Return an iterator over count sampled ids, ints, that continue tokens: (T,), T from 1 up.

    Each is drawn from the probabilities after a window of the text so far, by one call of
    rng.random(); at a temperature of 0, too, where only the likeliest can be drawn. The window
    starts at the smallest multiple of ceil(S / 2) that leaves at most S tokens: it grows to S, then
    goes on from its later half. Positions are counted from its start, so while it grows keys and
    values stay as they are, and cached keeps them. A llama needs decoder=llama_decode.
    Raises TypeError, ValueError or IndexError for tokens that are not ids from 0 to V - 1,
    ValueError for a setting out of range, FloatingPointError where logits / temperature overflows.
    """
    check_settings(count, temperature, top_k, top_p)
    p = decoder.params(model)
    check_tokens(tokens, len(p.token))
    return stream(tokens, model, p, count, rng, decoder if cached else None,
                  dict(temperature=temperature, top_k=top_k, top_p=top_p))


@torch.inference_mode()
def stream(tokens, model, p, count, rng, decoder, settings):
    """Yield the ids of generate."""
    S, device = p.block_size, p.token.device
    window, memory = tokens[window_start(len(tokens), S):].tolist(), None
    for _ in range(count):
        if decoder is None:
            logits = forward(torch.tensor(window, device=device), model)             # (V,)
        elif memory is None:
            logits, memory = decoder.begin(torch.tensor(window, device=device), p)   # (V,)
        else:
            logits = decoder.step(token, p, memory, len(window) - 1)                 # (V,)
        token = pick(probabilities(logits, **settings), rng.random())                # (1,)
        window.append(token.item())  # the one wait for the device
        if window[-1] == len(logits):
            raise FloatingPointError("a probability of an id is nan; allowed: finite numbers")
        yield window[-1]
        if len(window) > S:
            window, memory = window[window_start(len(window), S):], None


def forward(window, model):
    """Return the logits after a window, without dropout and without a cache: (T,) -> (V,)."""
    was_training = model.training
    logits = model.eval()(window[None])[0, -1]                           # (V,)
    model.train(was_training)
    return logits


def window_start(length, block_size):
    """Return the smallest multiple of ceil(S / 2) that leaves at most S of length tokens."""
    hop = -(-block_size // 2)
    return max(0, -(-(length - block_size) // hop)) * hop


def probabilities(logits, *, temperature=1.0, top_k=None, top_p=1.0):
    """Return softmax(logits / temperature), cut to the likeliest ids and rescaled: (V,) -> (V,).

    The ids are put in order, the likeliest first and of equal ones the lower first. top_k keeps
    the first top_k, or all. top_p then keeps the shortest beginning of these whose probabilities,
    rescaled, sum to top_p or more; 1 keeps all. The others get exactly 0. At a temperature of
    0, or below COLD, the first id gets all.
    """
    if temperature < COLD:  # logits / temperature might overflow
        temperature, top_k = 1.0, 1
    probs = (logits / temperature).softmax(-1)                           # (V,)
    if top_k is None and top_p == 1:
        return probs
    order = logits.argsort(descending=True, stable=True)[:top_k]         # (K,)
    top = probs[order]                                                   # (K,)
    if top_p < 1:
        before = F.pad(top.cumsum(-1)[:-1], (1, 0))                      # (K,)
        top = torch.where(before < top_p * top.sum(), top, 0)            # (K,)
    return torch.zeros_like(probs).scatter(0, order, top / top.sum())    # (V,)


def pick(probs, uniform):
    """Return the first id whose cumulated probability exceeds uniform, a number in [0, 1): (1,).

    Where a probability is NaN, it is V.
    """
    cumulated = probs.cumsum(-1, dtype=torch.float64)  # (V,) in float32 uniform might round to 1
    return torch.searchsorted(cumulated, uniform * cumulated[-1:], right=True)


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


def check_tokens(tokens, vocab_size):
    """Refuse tokens that are not ids from 0 to V - 1, as the reference does."""
    if tokens.is_floating_point() or tokens.is_complex() or tokens.dtype == torch.bool:
        raise TypeError(f"tokens has dtype {tokens.dtype}; allowed: integers")
    if tokens.ndim != 1 or len(tokens) == 0:
        raise ValueError(f"tokens has shape {tuple(tokens.shape)}; allowed: (T,) with T from 1 up")
    low, high = map(int, tokens.aminmax())
    if low < 0 or high >= vocab_size:
        raise IndexError(f"tokens holds the id {low if low < 0 else high}; "
                         f"allowed: 0 to {vocab_size - 1}")
