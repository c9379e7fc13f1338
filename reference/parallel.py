"""The batch over threads: each takes a share of the sequences, and their gradients are added.

The loss is a mean over tokens. So the gradient of the batch is the sum over its parts, if the
backward of each part begins with the part's share of the tokens where it else begins with 1.
NumPy lets go of Python's lock inside an operation: the parts run at the same time.
"""

import contextvars
import functools
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from . import blas, gpt, tree

IGNORED = -100  # the target that cross_entropy does not count
SHARE = 2**15   # numbers of the residual stream; with fewer each, threads wait more than they work


def loss(tokens, targets, p, *, config, keep=None, threads=2):
    """Return what gpt.loss returns, computed in parts: (B, T), (B, T) -> ()."""
    return sum(in_parts(gpt.loss, tokens, targets, p, config, keep, threads))


def loss_and_grad(tokens, targets, p, *, config, keep=None, threads=2):
    """Return what gpt.loss_and_grad returns, computed in parts: (B, T), (B, T) -> (), Params."""
    losses, grads = zip(*in_parts(gpt.loss_and_grad, tokens, targets, p, config, keep, threads))
    return sum(losses), functools.reduce(add, grads)


def in_parts(function, tokens, targets, p, config, keep, threads):
    """Return a function's results for the parts of a batch, each weighted by its tokens."""
    counted = targets != IGNORED                                         # (B, T)
    parts = [part for part in split(len(tokens), threads) if counted[part].any()]
    if len(parts) < 2:
        return [function(tokens, targets, p, config=config, keep=keep)]

    def share(part):
        return function(tokens[part], targets[part], p, config=config,
                        keep=keep and tree.map(lambda mask: mask[part], keep),
                        weight=float(counted[part].sum() / counted.sum()))

    with blas.threads(1):
        return wait([submit(share, part, threads) for part in parts])


def each(function, calls, threads):
    """Call function(*call) for each of the calls, in so many threads at once."""
    def some(calls):
        for call in calls:
            function(*call)
    if threads == 1 or len(calls) == 1:
        some(calls)
    else:
        wait([submit(some, calls[i::threads], threads) for i in range(threads)])


def submit(function, argument, threads):
    """Let one of the threads call the function, under np.errstate as it is here."""
    return pool(threads).submit(contextvars.copy_context().run, function, argument)


def wait(futures):
    """Return the results."""
    return [future.result() for future in futures]


def split(B, threads):
    """Return slices that cut B sequences into parts as equal as can be, none of them empty."""
    edges = [B * i // threads for i in range(threads + 1)]
    return [slice(a, b) for a, b in zip(edges, edges[1:]) if a < b]


def add(grads, others):
    """Add the second tree to the first, in place: both were made here."""
    return tree.map(lambda a, b: np.add(a, b, out=a), grads, others)


@functools.cache
def pool(threads):
    """Return the threads; between steps they wait."""
    return ThreadPoolExecutor(threads)


def threads_for(config, B, most):
    """Return over how many threads, up to most, a batch of B sequences is worth splitting."""
    return max(1, min(most, B, B * config.block_size * config.n_embd // SHARE))
