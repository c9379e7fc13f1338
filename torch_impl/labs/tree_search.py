"""Tree search: decoding with PUCT, a model's probabilities as its prior.

A tree is three tensors, with a row a prefix of the answer and a column a token.
"""

import math
import numbers
from typing import NamedTuple

import torch


class Tree:
    """What is known of each token after each prefix, (rows, V); the rows fill as walks go on."""

    def __init__(self, logits, size):
        first = logits(())
        self.logits, self.rows = logits, {(): 0}          # the row of each prefix
        self.prior = first.new_zeros(size, len(first))    # (rows, V)
        self.totals = torch.zeros_like(self.prior)        # (rows, V)
        self.visits = self.prior.long()                   # (rows, V)
        self.prior[0] = first.softmax(-1)                                # (V,)  MCTS-1

    def row(self, prefix):
        """Return the row of a prefix, a new one where no walk has passed it: a model call."""
        if prefix not in self.rows:
            self.rows[prefix] = len(self.rows)
            self.prior[self.rows[prefix]] = self.logits(prefix).softmax(-1)  # (V,)
        return self.rows[prefix]

    def select(self, row, c):
        """Return the token that a walk takes, the first of equal ones."""
        visits = self.visits[row]                                        # (V,)
        mean = self.totals[row] / visits.clamp(min=1)                    # (V,)  MCTS-2
        spread = math.sqrt(1 + visits.sum().item())                      # ()
        bonus = c * self.prior[row] * spread / (1 + visits)              # (V,)  MCTS-3
        return (mean + bonus).argmax().item()                            # ()    MCTS-4

    def walk(self, prefix, verify, length, c):
        """Go from a prefix to the end of an answer, count it, and return it with its score."""
        rows, start = [], len(prefix)
        while len(prefix) < length:
            rows.append(self.row(prefix))
            prefix += (self.select(rows[-1], c),)
        score = score_of(verify, prefix)
        taken = torch.tensor(rows), torch.tensor(prefix[start:])         # one entry a row
        self.visits[taken] += 1                                          #       MCTS-5
        self.totals[taken] += score                                      #       MCTS-6
        return prefix, score

    def most_visited(self, prefix):
        """Return the token that is chosen in the end, the first of equal ones."""
        return self.visits[self.rows[prefix]].argmax().item()            # ()    MCTS-7


class Found(NamedTuple):
    answer: tuple        # of ids
    score: float
    model_calls: int
    verifier_calls: int
    tree: Tree


@torch.no_grad()
def search(logits, verify, *, length, c, calls):
    """Return the best answer that walks from the first token on have met, and their tree.

    logits(prefix) returns the logits after a prompt and a prefix: a model call, (V,).
    verify(answer) returns a score from 0 to 1: a verifier call. Each prefix is asked for once, each
    answer as often as it is met. The search ends at a score of 1, or when it has made so many calls
    of either; the last walk may make up to length - 1 model calls more.
    Raises ValueError for a setting out of range, and for a verifier that fails.
    """
    check_search(length, c, calls)
    tree, walks, best, top = Tree(logits, calls + length), 0, (), -1.0
    while top < 1 and max(len(tree.rows), walks) < calls or not walks:
        answer, score = tree.walk((), verify, length, c)
        walks += 1
        if score > top:
            best, top = answer, score
    return Found(best, top, len(tree.rows), walks, tree)


@torch.no_grad()
def play(logits, verify, *, length, c, calls):
    """Return an answer that is made token by token, and the tree.

    Arguments and errors are those of search. Each token is chosen after its share of the calls, and
    never taken back. The verifier sees the answer once more than the walks: one more call.
    """
    check_search(length, c, calls)
    tree, walks, prefix = Tree(logits, calls + length), 0, ()
    for t in range(length):
        share = calls * (t + 1) // length
        while not walks or max(len(tree.rows), walks) < share:
            tree.walk(prefix, verify, length, c)
            walks += 1
        prefix += (tree.most_visited(prefix),)
    return Found(prefix, score_of(verify, prefix), len(tree.rows), walks + 1, tree)


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
