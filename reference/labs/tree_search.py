"""Tree search: PUCT, with a model's probabilities as its prior. Derivation: tree_search.md.

A tree is a dict. Its keys are the prefixes of an answer, tuples of ids, and its values are Nodes.
"""

import math
import numbers
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from .. import softmax


class Node(NamedTuple):
    """What is known of each token after a prefix; a walk changes it."""

    prior: Array   # (V,)
    visits: Array  # (V,)  integers
    totals: Array  # (V,)  the scores of the walks, added up


class Found(NamedTuple):
    answer: tuple        # of ids
    score: float
    model_calls: int
    verifier_calls: int
    tree: dict           # of Node, by prefix


def search(logits, verify, *, length, c, calls):
    """Return the best answer that walks from the first token on have met, and their tree.

    logits(prefix) returns the logits after a prompt and a prefix: a model call, (V,).
    verify(answer) returns a score from 0 to 1: a verifier call. Each prefix is asked for once, each
    answer as often as it is met. The search ends at a score of 1, or when it has made so many calls
    of either; the last walk may make up to length - 1 model calls more.
    Raises ValueError for a setting out of range, and for a verifier that fails.
    Source: Silver et al., "Mastering the game of Go without human knowledge" (2017), Methods.
    """
    check_search(length, c, calls)
    tree, walks, best, top = {}, 0, (), -1.0
    while top < 1 and max(len(tree), walks) < calls:
        answer, score = walk(tree, (), logits, verify, length, c)
        walks += 1
        if score > top:
            best, top = answer, score
    return Found(best, top, len(tree), walks, tree)


def play(logits, verify, *, length, c, calls):
    """Return an answer that is made token by token, and the tree.

    Arguments and errors are those of search. Each token is chosen after its share of the calls, and
    never taken back. The verifier sees the answer once more than the walks: one more call.
    """
    check_search(length, c, calls)
    tree, walks, prefix = {}, 0, ()
    for t in range(length):
        share = calls * (t + 1) // length
        while not walks or max(len(tree), walks) < share:
            walk(tree, prefix, logits, verify, length, c)
            walks += 1
        prefix += (most_visited(tree[prefix]),)
    return Found(prefix, score_of(verify, prefix), len(tree), walks + 1, tree)


def walk(tree, prefix, logits, verify, length, c):
    """Go from a prefix to the end of an answer, count it, and return it with its score."""
    path = []
    for _ in range(len(prefix), length):
        if prefix not in tree:
            tree[prefix] = expanded(logits(prefix))
        token = select(tree[prefix], c)
        path.append((tree[prefix], token))
        prefix += (token,)
    score = score_of(verify, prefix)
    for node, token in path:
        node.visits[token] += 1                                          # ()    MCTS-5
        node.totals[token] += score                                      # ()    MCTS-6
    return prefix, score


def expanded(logits):
    """Return the Node of a prefix that no walk has passed yet: (V,) -> Node."""
    prior, _ = softmax.forward(logits)                                   # (V,)  MCTS-1
    return Node(prior, np.zeros(len(prior), int), np.zeros(len(prior)))


def select(node, c):
    """Return the token that a walk takes, the lowest of equal ones."""
    mean = node.totals / np.maximum(node.visits, 1)                      # (V,)  MCTS-2
    spread = math.sqrt(1 + node.visits.sum())                            # ()
    bonus = c * node.prior * spread / (1 + node.visits)                  # (V,)  MCTS-3
    return int((mean + bonus).argmax())                                  # ()    MCTS-4


def most_visited(node):
    """Return the token that is chosen in the end, the lowest of equal ones."""
    return int(node.visits.argmax())                                     # ()    MCTS-7


def score_of(verify, answer):
    """Return what the verifier says of an answer, a number from 0 to 1; refuse anything else."""
    try:
        score = verify(answer)
    except Exception as error:  # it is the caller's own, and may raise anything
        raise ValueError(f"verify({answer}) raises {type(error).__name__}: {error}; "
                         "allowed: a number from 0 to 1") from error
    if not isinstance(score, numbers.Real) or not 0 <= score <= 1:
        raise ValueError(f"verify({answer}) is {score!r}; allowed: a number from 0 to 1")
    return float(score)


def check_search(length, c, calls):
    """Refuse a setting that is out of range with a ValueError."""
    for name, count in ("length", length), ("calls", calls):
        if not (isinstance(count, numbers.Integral) and count >= 1):
            raise ValueError(f"{name} is {count!r}; allowed: an integer from 1 up")
    if not 0 <= c < math.inf:
        raise ValueError(f"c is {c}; allowed: a finite number from 0 up")
