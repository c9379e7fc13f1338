"""The batch in parts: each process takes a share of the sequences, and their gradients are added.

The loss is a mean over tokens. So the gradient of the batch is the sum over its parts, if the
backward of each part begins with the part's share of the tokens where it else begins with 1.
"""

import contextvars
import functools
import math
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np

from .. import cross_entropy, gpt
from ..tools import tree
from ..tools.arguments import check_integers
from ..train import IGNORED
from . import blas, workers

LITTLE = 2**16  # numbers of the residual stream: below, a second process waits more than it works


def loss(tokens, targets, p, *, config, keep=None, model=gpt, threads=2, parts=None):
    """Return what model.loss returns, computed in parts: (B, T), (B, T) -> ()."""
    share = functools.partial(share_of_loss, model.forward)
    return sum(in_parts(share, tokens, targets, p, config, keep, threads, parts))


def loss_and_grad(tokens, targets, p, *, config, keep=None, model=gpt, threads=2, parts=None):
    """Return what model.loss_and_grad returns, computed in parts: (B, T), (B, T) -> (), Params.

    There are as many parts as threads where that is faster, else one, or as many as are asked for.
    This process takes the first, and a worker each other one.
    """
    share = functools.partial(share_of_gradient, model.forward, model.backward)
    losses, grads = zip(*in_parts(share, tokens, targets, p, config, keep, threads, parts))
    return sum(losses), functools.reduce(add, grads)


def share_of_loss(forward, tokens, targets, p, *, config, keep, weight=1.0):
    """Return weight times the mean cross-entropy of a part of the batch: (b, T), (b, T) -> ()."""
    logits, _ = forward(tokens, p, config=config, keep=keep)             # (b, T, V)
    return weight * cross_entropy.forward(logits, targets)[0]


def share_of_gradient(forward, backward, tokens, targets, p, *, config, keep, weight=1.0):
    """Return the same, and its gradients: (b, T), (b, T) -> (), Params."""
    logits, cache = forward(tokens, p, config=config, keep=keep)         # (b, T, V)
    loss, loss_cache = cross_entropy.forward(logits, targets)
    dlogits = cross_entropy.backward(np.full_like(loss, weight), loss_cache)     # (b, T, V)
    del logits, loss_cache  # two arrays of that size, before backward makes its own
    return weight * loss, backward(dlogits, cache)


def in_parts(function, tokens, targets, p, config, keep, threads, parts):
    """Return a function's results for the parts of a batch, each weighted by its tokens."""
    check_integers("tokens", tokens)
    check_integers("targets", targets, tokens.shape)
    parts = parts or parts_for(config, np.shape(tokens), threads)
    if parts == 1:
        with blas.threads(1 if is_little(config, np.shape(tokens)) else threads):
            return [function(tokens, targets, p, config=config, keep=keep)]
    counted = targets != IGNORED                                         # (B, T)
    slices = [part for part in split(len(tokens), parts) if counted[part].any()]
    if len(slices) < 2:
        return in_parts(function, tokens, targets, p, config, keep, threads, parts=1)

    def share(part):
        return (tokens[part], targets[part], p), dict(
            config=config, keep=keep and tree.map(lambda mask: mask[part], keep),
            weight=float(counted[part].sum() / counted.sum()))

    with blas.threads(1):
        return workers.at_once(function, [share(part) for part in slices])


def each(function, calls, threads):
    """Call function(*call) for each of the calls, in so many threads at once.

    np.errstate holds in all of them as it does here. When one raises an error, all have ended.
    """
    def some(calls):
        for call in calls:
            function(*call)
    own, *others = [calls[i::threads] for i in range(min(threads, len(calls)))]
    futures = [pool(len(others)).submit(contextvars.copy_context().run, some, part)
               for part in others]
    try:
        some(own)
    finally:
        wait(futures)
    for future in futures:
        future.result()


def split(B, parts):
    """Return slices that cut B sequences into parts as equal as can be, none of them empty."""
    edges = [B * i // parts for i in range(parts + 1)]
    return [slice(a, b) for a, b in zip(edges, edges[1:]) if a < b]


def add(grads, others):
    """Add the second tree to the first, in place: it was made here."""
    return tree.map(lambda a, b: np.add(a, b, out=a), grads, others)


@functools.cache
def pool(threads):
    """Return so many threads; between calls they wait."""
    return ThreadPoolExecutor(threads)


def parts_for(config, shape, threads):
    """Return into how many parts a batch of (B, T) tokens is worth cutting.

    Several share the work on activations, which grows with B T C L, but each makes a
    gradient of all parameters, some 12 C^2 L numbers, to be added to the others.
    """
    if is_little(config, shape) or math.prod(shape) < 2 * config.n_embd:
        return 1
    return min(shape[0], threads)


def is_little(config, shape):
    """Whether a batch of (B, T) tokens is so little work that one thread does it soonest."""
    return math.prod(shape) * config.n_embd < LITTLE
