"""What a model costs: its parameters, what a forward keeps, its operations; counted, none made.

The counts are those that reference/gpt.md and reference/llama.md derive. N = B T rows.
"""

import math
from dataclasses import replace
from typing import Callable, NamedTuple

from ..layers.models import model_of
from ..layers.params import shapes


class Counts(NamedTuple):
    """What is counted of one model, each of (config, B): full sequences."""

    kept: Callable        # numbers in the cache, the parameters not counted
    masks: Callable       # bytes of the masks of every dropout
    operations: Callable  # of the matrix products of one block
    meanwhile: Callable   # numbers that the backward of one block makes, at most at one time
    tied: Callable        # of config alone: whether the head is the table of tokens
    smaller: Callable     # of config alone: one with about half of the block
    plain: dict           # the options of a model without dropout


def gpt_kept(config, B):
    T, L, H, C = config.block_size, config.n_layer, config.n_head, config.n_embd
    N, weights = B * T, B * H * T * T
    return L * (20 * N * C + 2 * N + weights * (2 if config.dropout else 1)) + 2 * N * C + N


def gpt_masks(config, B):
    T, L, H, C = config.block_size, config.n_layer, config.n_head, config.n_embd
    return (L * (B * H * T * T + 2 * B * T * C) + B * T * C) if config.dropout else 0


def gpt_operations(config, B):
    T, C = config.block_size, config.n_embd
    return B * T * (24 * C * C + 4 * T * C)


def gpt_meanwhile(config, B):
    T, H, C = config.block_size, config.n_head, config.n_embd
    return B * T * max(7 * 4 * C, 3 * H * T)


def gpt_smaller(config):
    H, C = config.n_head, config.n_embd
    if H > 1:  # as wide as before
        return replace(config, n_head=H // 2, n_embd=H // 2 * (C // H))
    return replace(config, n_embd=C // 2)


def llama_kept(config, B):
    T, L, H, C, F = (config.block_size, config.n_layer, config.n_head, config.n_embd,
                     config.n_hidden)
    N, D = B * T, C // H
    shared = 2 * N * config.n_kv_head * D  # keys and values
    turns = 2 * T * D                      # cosines and sines, of queries and of keys
    return L * (6 * N * C + 2 * N + shared + turns + 4 * N * F + H * T * N) + 2 * N * C + N


def llama_operations(config, B):
    T, C, F = config.block_size, config.n_embd, config.n_hidden
    shared = config.n_kv_head * (C // config.n_head)
    return B * T * (4 * C * (C + shared) + 6 * C * F + 4 * T * C)


def llama_meanwhile(config, B):
    T, H, C, F = config.block_size, config.n_head, config.n_embd, config.n_hidden
    shared = config.n_kv_head * (C // H)
    return B * T * max(5 * F + 2 * C, 3 * H * T + 11 * C + 2 * shared)  # SwiGLU, or attention


def llama_smaller(config):
    H, C, F = config.n_head, config.n_embd, max(1, config.n_hidden // 2)
    if H > 1:  # as wide as before
        return replace(config, n_head=H // 2, n_embd=H // 2 * (C // H), n_hidden=F,
                       n_kv_head=math.gcd(H // 2, config.n_kv_head))
    return replace(config, n_embd=2 * max(1, C // 4), n_hidden=F)


COUNTS = {
    "gpt": Counts(gpt_kept, gpt_masks, gpt_operations, gpt_meanwhile,
                  lambda config: True, gpt_smaller, {"dropout": 0.0}),
    "llama": Counts(llama_kept, lambda config, B: 0, llama_operations, llama_meanwhile,
                    lambda config: config.tied, llama_smaller, {}),
}


def counts_of(config):
    """Return the Counts of the model that a Config is of."""
    return COUNTS[model_of(config).stem]


def parameters(config):
    """Return how many numbers the parameters hold: each block has as many as another."""
    one, two = (sum(math.prod(shape) for _, shape in shapes(replace(config, n_layer=L)))
                for L in (1, 2))
    return one + (config.n_layer - 1) * (two - one)


def activations(config, B, size):
    """Return the bytes of a model's Cache for B full sequences, the parameters not counted."""
    counts = counts_of(config)
    tokens = 8 * B * config.block_size
    return tokens + size * counts.kept(config, B) + counts.masks(config, B)


def forward_operations(config, B):
    """Return the operations of the matrix products of one forward; a backward takes twice that."""
    head = 2 * B * config.block_size * config.vocab_size * config.n_embd
    return config.n_layer * counts_of(config).operations(config, B) + head
