"""Attention over a long context: the plain one, as in the model, beside flash attention."""

import math
import time

import numpy as np

from reference import flash_attention, softmax

from ..layers.caches import bytes_of
from ..layers.sizes import in_words
from ..progress import waiting

SHAPE = dict(B=1, H=6, T=4096, D=64)


def plain(q, k, v, dy):
    """Return (y, dq, dk, dv), and what is kept between: the arguments and all T x T weights."""
    root, mask = math.sqrt(q.shape[-1]), softmax.causal_mask(q.shape[-2])
    weights, cache = softmax.forward(q @ k.swapaxes(-1, -2) / root, mask=mask)
    dscores = softmax.backward(dy @ v.swapaxes(-1, -2), cache) / root
    return (weights @ v, dscores @ k, dscores.swapaxes(-1, -2) @ q,
            weights.swapaxes(-1, -2) @ dy), (q, k, v, weights)


def flash(q, k, v, dy, block=256):
    """Return (y, dq, dk, dv), and what is kept between: the cache."""
    y, cache = flash_attention.forward(q, k, v, block=block)
    return (y, *flash_attention.backward(dy, cache)), cache


def time_both(rounds):
    """Return for each of both its seconds, turn by turn, and the bytes it keeps, in float32."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((*SHAPE.values(),), np.float32) for _ in range(4)]
    found = {"plain": {"seconds": []}, "flash": {"seconds": []}}
    for _ in waiting.over(range(rounds), lambda _: "a long context"):
        for name, function in ("plain", plain), ("flash", flash):
            start = time.perf_counter()
            _, kept = function(*arrays)
            found[name]["seconds"].append(time.perf_counter() - start)
            found[name]["kept"] = bytes_of(kept, ())
            del kept
    return found


def context_table(found):
    """Return both, and the ratios, in words."""
    lines = [f"attention forward and backward, {in_words(SHAPE)}, float32"]
    for name, row in found.items():
        ratios = sorted(np.divide(row["seconds"], found["plain"]["seconds"]))
        lines.append(f"{name:<9}{1e3 * np.median(row['seconds']):>9,.0f} ms"
                     f"{np.median(ratios):>8.2f} ({ratios[0]:.2f} - {ratios[-1]:.2f})"
                     f"{row['kept'] / 1e6:>9,.1f} MB kept for the backward"
                     f"{row['kept'] / found['plain']['kept']:>8.2f}")
    return "\n".join(lines) + "\n"
