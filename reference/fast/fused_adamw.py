"""AdamW in place, piece by piece, for speed and memory. Derivation: fused_adamw.md.

adamw.py makes new parameters and means beside the old ones, and walks through all of memory once
for each operation. Here the parameters lie end to end in one array, the means in two more, and a
piece that the processor's caches hold takes all operations in turn before the next one.
"""

import itertools
import math
from typing import NamedTuple

import numpy as np

from .. import adamw
from ..tools import tree
from . import parallel

PIECE = 2**17   # numbers: a piece and what is made of it, in float32, take a few megabytes
ALONE = 2**19   # parameters, up to which one thread is soonest: two would wait for each other


class Group(NamedTuple):
    """Neighbours in the flat arrays: small parameters together, or a large one by itself."""

    leaves: list    # their numbers in the order of tree.walk
    start: int      # of the first in the flat arrays
    stop: int       # of the last
    decays: bool    # whether they are matrices


class Clipped(NamedTuple):
    """Gradients that are still to be scaled: update does it with the rest, a piece at a time."""

    grads: tuple
    scale: float


class FusedAdamW:
    """Copies of the parameters and of AdamW's state, and the updates that change them in place.

    params and state are trees of views into the flat arrays: each update shows in them. Without a
    state it is the one before the first update. It is an optimizer as reference.train takes them.
    """

    def __init__(self, p, state=None, threads=1):
        self.threads = threads
        leaves = tree.leaves(p)
        self.groups = groups([leaf.size for leaf in leaves], [leaf.ndim >= 2 for leaf in leaves])
        self.flat = np.zeros((3, sum(leaf.size for leaf in leaves)), leaves[0].dtype)   # (3, P)
        self.params, m, v = (views(p, row, self.groups) for row in self.flat)
        self.state = adamw.State(state.step if state else 0, m, v)
        tree.map(np.copyto, self.params, p)
        if state:
            tree.map(np.copyto, self.state[1:], state[1:])

    def init(self, _):
        """Return the state that the next update needs."""
        return self.state

    def clip(self, grads, max_norm):
        """Return the gradients and by what to scale them, as Clipped, and their norm before.

        Raises ValueError where they are another model's.
        """
        adamw.check_gradients(self.params, grads)
        norm = adamw.global_norm(grads)
        return Clipped(grads, adamw.clip_scale(norm, max_norm)), norm

    def update(self, p, clipped, state, *, lr, beta1=0.9, beta2=0.999, eps=1e-8,
               weight_decay=0.1):
        """Make one update of p and state, which are params and state; return both.

        Raises ValueError for others: of those it holds no copies.
        """
        if p is not self.params or state is not self.state:
            raise ValueError("p or state is not the optimizer's own; allowed: its params and state")
        t, leaves, scale = state.step + 1, tree.leaves(clipped.grads), clipped.scale
        root = math.sqrt(1 - beta2**t)
        rate = lr * root / (1 - beta1**t)

        def move(group, start, stop):
            p, m, v = self.flat[:, start:stop]                               # (n,) each
            g = scale * gathered(leaves, group, start, stop)                 # (n,)  FAW-1
            m *= beta1
            m += (1 - beta1) * g                                             # (n,)  FAW-2
            v *= beta2
            v += (1 - beta2) * (g * g)                                       # (n,)  FAW-3
            if group.decays:
                p *= 1 - lr * weight_decay                                   # (n,)  FAW-4
            p -= rate * m / (np.sqrt(v) + eps * root)                        # (n,)  FAW-5

        pieces = [(group, start, min(start + PIECE, group.stop)) for group in self.groups
                  for start in range(group.start, group.stop, PIECE)]
        parallel.each(move, pieces, self.threads if len(self.flat[0]) > ALONE else 1)
        self.state = state._replace(step=t)
        return self.params, self.state


def groups(sizes, decays):
    """Return the Groups of parameters of these sizes, those that decay first."""
    found, start = [], 0
    for i in sorted(range(len(sizes)), key=lambda i: not decays[i]):
        stop, last = start + sizes[i], found[-1] if found else None
        if last and last.decays == decays[i] and stop - last.start <= PIECE:
            found[-1] = Group([*last.leaves, i], last.start, stop, decays[i])
        else:
            found.append(Group([i], start, stop, decays[i]))
        start = stop
    return found


def views(like, row, groups):
    """Return a tree shaped as `like` whose leaves lie in a flat array, group by group: (P,)."""
    leaves, found, start = tree.leaves(like), {}, 0
    for i in (i for group in groups for i in group.leaves):
        found[i] = row[start:start + leaves[i].size].reshape(leaves[i].shape)
        start += leaves[i].size
    numbers = itertools.count()
    return tree.map(lambda _: found[next(numbers)], like)


def gathered(leaves, group, start, stop):
    """Return the gradients that belong to start .. stop of the flat arrays: (n,)."""
    if len(group.leaves) > 1:  # then all of them fit in one piece
        return np.concatenate([leaves[i].reshape(-1) for i in group.leaves])
    return leaves[group.leaves[0]].reshape(-1)[start - group.start:stop - group.start]
