"""The plan: what a configuration needs in memory, operations and time, before it is trained.

The counts are those that reference/gpt.md derives; the time is from a short measurement.
"""

import time
from typing import NamedTuple

import numpy as np

from reference import block, cross_entropy, gpt
from reference.fast import fused_adamw, parallel
from reference.gpt import Config

from ..progress import duration


class Plan(NamedTuple):
    """Bytes, operations and seconds of one training step of the NumPy side."""

    parameters: int
    weights: int       # bytes
    gradients: int     # bytes
    moments: int       # bytes, of AdamW's two running means
    activations: int   # bytes, of the caches
    logits: int        # bytes, of the logits, their probabilities and their gradient
    peak: int          # bytes, the most that a step holds at one time
    operations: int    # of a step, forward and backward
    per_token: int     # likewise, per token


def plan_of(config, batch_size, dtype="float32", threads=1):
    """Return the Plan of training steps of batch_size full sequences, updated in place."""
    size, tokens = np.dtype(dtype).itemsize, batch_size * config.block_size
    weights = size * parameters(config)
    kept, row = activations(config, batch_size, size), size * tokens * config.vocab_size
    operations = 3 * forward_operations(config, batch_size)
    parts = parallel.parts_for(config, (batch_size, config.block_size), threads)
    return Plan(parameters(config), weights, weights, 2 * weights, kept, 3 * row,
                peak_bytes(config, weights, kept, row, size, tokens, parts), operations, operations // tokens)


def parameters(config):
    """Return how many numbers the parameters hold."""
    V, S, L, C = config.vocab_size, config.block_size, config.n_layer, config.n_embd
    return V * C + S * C + L * (12 * C * C + 13 * C) + 2 * C


def activations(config, B, size):
    """Return the bytes of gpt.Cache for B full sequences, the parameters in it not counted."""
    T, L, H, C = config.block_size, config.n_layer, config.n_head, config.n_embd
    numbers = L * (20 * B * T * C + 2 * B * T + B * H * T * T) + 2 * B * T * C + B * T
    if not config.dropout:
        return 8 * B * T + size * numbers
    masks = L * (B * H * T * T + 2 * B * T * C) + B * T * C
    return 8 * B * T + size * (numbers + L * B * H * T * T) + masks


def forward_operations(config, B):
    """Return the operations of the matrix products of one forward; a backward takes twice that."""
    V, T, L, C = config.vocab_size, config.block_size, config.n_layer, config.n_embd
    return L * (24 * B * T * C * C + 4 * B * T * T * C) + 2 * B * T * V * C


def peak_bytes(config, weights, kept, row, size, tokens, parts):
    """Return the most bytes at one time: at the loss, or at the end of backward."""
    V, T, H, C = config.vocab_size, config.block_size, config.n_head, config.n_embd
    held = 3 * weights + kept                        # weights, moments, caches
    loss = held + 3 * row                            # logits, probabilities, their gradient
    wide = size * tokens * max(7 * 4 * C, 3 * H * T)  # what one block's backward makes meanwhile
    backward = held + row + parts * (weights + size * V * C) + wide
    return max(loss, backward)


def seconds(config, batch_size, dtype="float32", budget=2.0, clock=time.perf_counter):
    """Return the expected seconds of a step, from measuring its pieces for `budget` seconds."""
    rng, third = np.random.default_rng(0), budget / 3
    T, C, V, L = config.block_size, config.n_embd, config.vocab_size, config.n_layer
    one = gpt.init(Config(1, 1, 1, config.n_head, C), rng, dtype)

    def blocks(B):
        x = rng.standard_normal((B, T, C)).astype(dtype)

        def piece():
            y, cache = block.forward(x, one.blocks[0], n_head=config.n_head)
            block.backward(y, cache)
        return piece

    per_block = batch_size * time_of(blocks(1), third / 2, clock)
    if per_block < third / 2:  # a whole batch takes other time than its parts: it leaves the cache
        per_block = time_of(blocks(batch_size), third / 2, clock)

    rows = min(batch_size * T, max(1, 10**7 // V))  # of fewer, the products are slower
    h, table = (rng.standard_normal((n, C)).astype(dtype) for n in (rows, V))
    table /= C  # or most probabilities would be subnormal, which takes some processors ten times as long
    targets = rng.integers(0, V, rows)

    def head():
        logits = h @ table.T
        loss, cache = cross_entropy.forward(logits, targets)
        dlogits = cross_entropy.backward(np.ones_like(loss), cache)
        return dlogits @ table, dlogits.T @ h

    many = (np.zeros((1, min(parameters(config), 4 * 10**6)), dtype),)  # too many for a cache
    optimizer = fused_adamw.FusedAdamW(many)

    def update():
        clipped, _ = optimizer.clip(many, 1.0)
        optimizer.update(optimizer.params, clipped, optimizer.state, lr=1e-3)

    return (L * per_block + batch_size * T / rows * time_of(head, third, clock)
            + parameters(config) / many[0].size * time_of(update, third, clock))


def time_of(piece, budget, clock=time.perf_counter):
    """Return the median seconds of a call, of as many as the budget holds, two at least."""
    piece()  # the first call faults its memory in
    taken, end = [], clock() + budget
    while len(taken) < 2 or clock() < end:
        start = clock()
        piece()
        taken.append(clock() - start)
    return float(np.median(taken))


def print_plan(config, batch_size, steps, dtype="float32"):
    """Print the plan of a run of so many steps."""
    found, tokens = plan_of(config, batch_size, dtype), batch_size * config.block_size
    each = seconds(config, batch_size, dtype)
    print(f"V = {config.vocab_size}, S = {config.block_size}, L = {config.n_layer}, "
          f"H = {config.n_head}, C = {config.n_embd}, B = {batch_size}, {dtype}\n")
    print(f"parameters    {found.parameters:>16,}")
    for name, words in BYTES.items():
        print(f"{name:<14}{megabytes(getattr(found, name)):>16}  {words}".rstrip())
    print(f"operations    {found.per_token:>16,}  a token, forward and backward")
    print(f"time          {each:>14.3g} s  a step of {tokens:,} tokens on this machine, expected")
    print(f"              {duration(each * steps):>16}  for {steps:,} steps")


BYTES = {
    "weights": "",
    "gradients": "as many",
    "moments": "of AdamW: two numbers for each parameter",
    "activations": "in the caches, from forward to backward",
    "logits": "with their probabilities and their gradient",
    "peak": "the most that a step holds at one time",
}


def megabytes(count):
    return f"{count / 1e6:,.1f} MB"
