"""The plan: what a configuration needs in memory, operations and time, before it is trained.

The counts are those that reference/gpt.md derives; the time is from a short measurement.
"""

import time
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from reference import block, cross_entropy, gpt
from reference.fast import fused_adamw, parallel

from ..progress import duration, waiting
from ..words import counted

ROOM = 2**28      # about the bytes that measuring takes at most, whatever the model
SOME = 4 * 10**6  # parameters: too many for a cache

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


def plan_of(config, batch_size, dtype="float32", threads=1, accumulate=1):
    """Return the Plan of training steps of batch_size full sequences, updated in place.

    With accumulate each step adds up the gradients of so many such batches.
    """
    size, tokens = np.dtype(dtype).itemsize, batch_size * config.block_size
    weights = size * parameters(config)
    kept, row = activations(config, batch_size, size), size * tokens * config.vocab_size
    operations = 3 * accumulate * forward_operations(config, batch_size)
    parts = parallel.parts_for(config, (batch_size, config.block_size), threads)
    peak = peak_bytes(config, weights, kept, row, size, tokens, parts)
    if accumulate > 1:  # the masks of all; the sum so far, beside a part in two sizes
        waiting_masks = (accumulate - 1) * mask_bytes(config, batch_size)
        peak = waiting_masks + max(peak + weights, (3 + 3) * weights)
    return Plan(parameters(config), weights, weights, 2 * weights, kept, 3 * row, peak, operations,
                operations // (accumulate * tokens))


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
    return 8 * B * T + size * (numbers + L * B * H * T * T) + mask_bytes(config, B)


def mask_bytes(config, B):
    """Return the bytes of the masks of every dropout for B full sequences."""
    T, L, H, C = config.block_size, config.n_layer, config.n_head, config.n_embd
    return (L * (B * H * T * T + 2 * B * T * C) + B * T * C) if config.dropout else 0


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


def seconds(config, batch_size, dtype="float32", budget=2.0, clock=time.perf_counter, accumulate=1):
    """Return the expected seconds of a step, from measuring its pieces for `budget` seconds.

    Of a model whose pieces would take more than ROOM, smaller ones are measured; their times are
    taken to grow as the operations do.
    """
    pieces = {"a block": seconds_of_blocks, "the head": seconds_of_head,
              "the update": seconds_of_update}
    blocks, head, update = (pieces[name](config, batch_size, np.dtype(dtype), budget / 3, clock)
                            for name in waiting.over(pieces, "measuring {}".format))
    return accumulate * (blocks + head) + update


def seconds_of_blocks(config, batch_size, dtype, budget, clock):
    """Return the seconds of all blocks, from measuring one."""
    rng, small = np.random.default_rng(0), small_block(config, dtype)
    T, C = small.block_size, small.n_embd
    one = gpt.init(small, rng, dtype).blocks[0]

    def times_of(B):
        x = rng.standard_normal((B, T, C), dtype)

        def piece():
            y, cache = block.forward(x, one, n_head=small.n_head)
            block.backward(y, cache)
        return time_of(piece, budget / 2, clock)

    per_block = batch_size * times_of(1)
    if per_block < budget / 2 and block_bytes(small, batch_size, dtype) <= ROOM:
        per_block = times_of(batch_size)  # other than of its parts: it leaves the cache
    whole = replace(config, vocab_size=1, n_layer=1)
    return config.n_layer * per_block * forward_operations(whole, 1) / forward_operations(small, 1)


def small_block(config, dtype):
    """Return the Config of one block that fits into ROOM: fewer heads or tokens, if need be."""
    small = replace(config, vocab_size=1, n_layer=1, dropout=0.0)
    while block_bytes(small, 1, dtype) > ROOM:
        T, H, C = small.block_size, small.n_head, small.n_embd
        if T > C:
            small = replace(small, block_size=T // 2)
        elif H > 1:  # as wide as before
            small = replace(small, n_head=H // 2, n_embd=H // 2 * (C // H))
        else:
            small = replace(small, n_embd=C // 2)
    return small


def block_bytes(small, B, dtype):
    """Return about the most bytes that forward and backward of one block take."""
    planned = plan_of(small, B, dtype)
    return planned.peak - planned.moments


def seconds_of_head(config, batch_size, dtype, budget, clock):
    """Return the seconds of the logits, the loss and their backward, from measuring some rows."""
    rng, V, C = np.random.default_rng(0), config.vocab_size, config.n_embd
    room, tokens = ROOM // dtype.itemsize, batch_size * config.block_size  # numbers; rows
    while V * C > room / 4:  # of the table, and as many of its gradient
        V, C = (V // 2, C) if V > C else (V, C // 2)
    rows = min(tokens, max(1, room // 10 // max(V, C)))  # of fewer, the products are slower
    h, table = (rng.standard_normal((n, C), dtype) for n in (rows, V))
    table /= C  # else most probabilities are subnormal, which slows some processors ten times
    targets = rng.integers(0, V, rows)

    def head():
        logits = h @ table.T
        loss, cache = cross_entropy.forward(logits, targets)
        dlogits = cross_entropy.backward(np.ones_like(loss), cache)
        return dlogits @ table, dlogits.T @ h

    share = rows / tokens * V / config.vocab_size * C / config.n_embd
    return time_of(head, budget, clock) / share


def seconds_of_update(config, _, dtype, budget, clock):
    """Return the seconds of AdamW's step, from measuring that of some parameters."""
    many = (np.zeros((1, min(parameters(config), SOME)), dtype),)
    optimizer = fused_adamw.FusedAdamW(many)

    def update():
        clipped, _ = optimizer.clip(many, 1.0)
        optimizer.update(optimizer.params, clipped, optimizer.state, lr=1e-3)

    return time_of(update, budget, clock) * parameters(config) / many[0].size


def time_of(piece, budget, clock=time.perf_counter):
    """Return the median seconds of a call, of as many as the budget holds, two at least."""
    piece()  # the first call faults its memory in
    taken, end = [], clock() + budget
    while len(taken) < 2 or clock() < end:
        start = clock()
        piece()
        taken.append(clock() - start)
    return float(np.median(taken))


def print_plan(config, batch_size, steps, dtype="float32", accumulate=1):
    """Print the plan of a run of so many steps."""
    found = plan_of(config, batch_size, dtype, accumulate=accumulate)
    tokens = accumulate * batch_size * config.block_size
    batches = f"{accumulate} x {batch_size}" if accumulate > 1 else f"{batch_size}"
    print(f"V = {config.vocab_size}, S = {config.block_size}, L = {config.n_layer}, "
          f"H = {config.n_head}, C = {config.n_embd}, B = {batches}, {dtype}\n")
    print(f"parameters    {found.parameters:>16,}")
    for name, words in BYTES.items():
        print(f"{name:<14}{megabytes(getattr(found, name)):>16}  {words}".rstrip())
    print(f"operations    {found.per_token:>16,}  a token, forward and backward")
    each = seconds(config, batch_size, dtype, accumulate=accumulate)
    print(f"time          {duration(each):>16}  a step of {counted(tokens, 'token')} on this "
          "machine, expected")
    print(f"              {duration(each * steps):>16}  for {counted(steps, 'step')}")


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
