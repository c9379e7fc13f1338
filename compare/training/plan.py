"""The plan: what a configuration needs in memory, operations and time, before it is trained.

The counts are those of costs.py; the time is from a short measurement.
"""

import time
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from reference import cross_entropy
from reference.fast import fused_adamw, parallel

from ..layers.models import by_letter, model_of
from ..progress import duration, waiting
from ..words import counted
from .costs import activations, counts_of, forward_operations, parameters

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
    meanwhile = size * counts_of(config).meanwhile(config, batch_size)
    peak = peak_bytes(config, weights, kept, row, size, meanwhile, parts)
    if accumulate > 1:  # the masks of all; the sum so far, beside a part in two sizes
        waiting_masks = (accumulate - 1) * counts_of(config).masks(config, batch_size)
        peak = waiting_masks + max(peak + weights, (3 + 3) * weights)
    return Plan(parameters(config), weights, weights, 2 * weights, kept, 3 * row, peak, operations,
                operations // (accumulate * tokens))


def peak_bytes(config, weights, kept, row, size, meanwhile, parts):
    """Return the most bytes at one time: at the loss, or at the end of backward."""
    held = 3 * weights + kept                        # weights, moments, caches
    loss = held + 3 * row                            # logits, probabilities, their gradient
    table = size * config.vocab_size * config.n_embd
    head = table if counts_of(config).tied(config) else 0  # its part of the table's gradient
    backward = held + row + parts * (weights + head) + meanwhile
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
    rng, small, model = np.random.default_rng(0), small_block(config, dtype), model_of(config)
    T, C = small.block_size, small.n_embd
    one, sizes = model.numpy.init(small, rng, dtype).blocks[0], model.sizes_of_block(small)

    def times_of(B):
        x = rng.standard_normal((B, T, C), dtype)

        def piece():
            y, cache = model.block.forward(x, one, **sizes)
            model.block.backward(y, cache)
        return time_of(piece, budget / 2, clock)

    per_block = batch_size * times_of(1)
    if per_block < budget / 2 and block_bytes(small, batch_size, dtype) <= ROOM:
        per_block = times_of(batch_size)  # other than of its parts: it leaves the cache
    whole = replace(config, vocab_size=1, n_layer=1)
    return config.n_layer * per_block * forward_operations(whole, 1) / forward_operations(small, 1)


def small_block(config, dtype):
    """Return the Config of one block that fits into ROOM: a smaller one, or fewer tokens."""
    counts = counts_of(config)
    small = replace(config, vocab_size=1, n_layer=1, **counts.plain)
    while block_bytes(small, 1, dtype) > ROOM:
        longer = small.block_size > small.n_embd
        small = replace(small, block_size=small.block_size // 2) if longer else \
            counts.smaller(small)
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
    sizes = by_letter(vars(config)) | {"B": batches}
    print(", ".join(f"{letter} = {size}" for letter, size in sizes.items()) + f", {dtype}\n")
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
