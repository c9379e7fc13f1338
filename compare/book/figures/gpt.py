"""The picture of the GPT: its token table is used twice, so two gradients add up in it."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from reference import cross_entropy, gpt
from reference.tools import tree

from .shared import sheet
from ...svg import arrow, arrowhead, bend, figure, rect, text

ALPHABET, TEXT = "abcdef", "dabad"  # the last letter is only a target
UNIT = 22


class TableGradients(NamedTuple):
    """The token table, and its gradient in two parts."""

    table: Array   # (V, C)
    head: Array    # (V, C), of the product at the top
    lookup: Array  # (V, C), of the rows that were looked up


def draw():
    """Return the Figure."""
    found = table_gradients()
    return figure(
        640, "The GPT: one token table, used twice",
        "At the bottom the embedding looks up a row for each letter, at the top the head compares "
        "the result with all rows. So the table's gradient has two parts: the head's reaches every "
        "row, the embedding's only the rows of the letters that came, in bold.",
        _model(found.table), _gradients(found))


def small_gpt():
    """Return a small model, and ids of TEXT: Config, Params, (1, T + 1)."""
    rng = np.random.default_rng(30)
    config = gpt.Config(len(ALPHABET), len(TEXT), n_layer=2, n_head=2, n_embd=4)
    p = gpt.init(config, rng, np.float64)
    return (config, tree.map(lambda a: a + 0.3 * rng.standard_normal(a.shape), p),
            np.array([[*map(ALPHABET.index, TEXT)]]))


def table_gradients():
    """Return the TableGradients of the small model."""
    config, p, ids = small_gpt()
    logits, cache = gpt.forward(ids[:, :-1], p, config=config)          # (1, T, V)
    loss, loss_cache = cross_entropy.forward(logits, ids[:, 1:])
    dlogits = cross_entropy.backward(np.ones_like(loss), loss_cache)    # (1, T, V)
    whole = gpt.backward(dlogits, cache).embedding.token.weight         # (V, C)
    head = dlogits[0].T @ cache.h[0]                                    # (V, C), as LM-7
    return TableGradients(p.embedding.token.weight, head, whole - head)


def _model(table):
    """Return the stack from the letters to the logits, and the table with its two uses."""
    left, middle, top = 56, 340, 150
    pieces = [text(16, 22, "Forward", anchor="start", bold=True),
              sheet(left, top, table, "token table", "(V, C)", unit=UNIT), _letters(left, top)]
    for y, words, edge in [(98, "times the table", "one"), (160, "norm", "muted"),
                           (222, "blocks", "muted"), (284, "look up rows", "two")]:
        pieces += [rect(middle - 84, y - 19, 168, 38, fill="paper", edge=edge, corner=8,
                        edge_width=1.5 if edge == "muted" else 2.5), text(middle, y, words),
                   arrow(middle, y - 19, middle, y - 43, color="muted")]
    pieces += [text(middle, 40, "logits `(T, V)`", bold=True),
               arrow(middle, 333, middle, 304, color="muted"),
               text(middle, 346, f"letters `{TEXT[:-1]}`", bold=True)]
    right = left + UNIT * 4
    for y, row, color in (98, top + UNIT, "one"), (284, top + 5 * UNIT, "two"):
        pieces += [bend(right + 6, row, middle - 94, y, color=color, width=2.5),
                   arrowhead(middle - 85, y, 0, color=color, size=11)]
    return "".join(pieces)


def _letters(x, y):
    """Return the letters of a sheet's rows, bold where the text has them."""
    return "".join(text(x - 14, y + UNIT * (i + 0.5), f"`{letter}`", bold=letter in TEXT[:-1],
                        color="ink" if letter in TEXT[:-1] else "muted")
                   for i, letter in enumerate(ALPHABET))


def _gradients(found):
    """Return the two parts of the table's gradient and their sum."""
    top, whole = 466, found.head + found.lookup
    largest = max(abs(part).max() for part in (found.head, found.lookup, whole))
    pieces = [text(16, top - 56, "Backward: the gradient of the table", anchor="start", bold=True)]
    for x, part, name, color in [(56, found.head, "head's part", "one"),
                                 (206, found.lookup, "embedding's part", "two"),
                                 (356, whole, "the sum", "ink")]:
        pieces += [sheet(x, top, part, "", "(V, C)", unit=UNIT, largest=largest), _letters(x, top),
                   text(x + 44, top - 18, name, color=color, bold=True)]
    middle = top + 3 * UNIT
    return "".join([*pieces, text(168, middle, "+", size=24), text(318, middle, "=", size=24)])
