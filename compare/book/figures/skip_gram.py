"""The picture of skip_gram: one word is pulled to its context, and pushed from the drawn words."""

from typing import NamedTuple

import numpy as np

from reference.embedding import Table
from reference.labs import skip_gram

from ...svg import arrow, dot, figure, line, shown, text

NAMES = "tea", "cup", "car", "sky"
WORD, CONTEXT, NOISE = 0, 1, (2, 3)
PLACES = np.array([[1.2, 0.4], [0.4, 1.4], [1.6, -0.8], [-1.2, 0.6]])  # of the word, of the others
MIDDLE, UNIT, PULL = (220, 194), 96, 0.6  # of the picture; how long a slope of 1 is


class Pulled(NamedTuple):
    """What skip_gram makes of a word, its context and two drawn words."""

    scores: np.ndarray  # (3,) with the context and the drawn words
    steps: np.ndarray   # (4, 2) where each of them goes: minus its gradient


def draw():
    """Return the Figure."""
    found = pulled()
    pieces = [line(10, MIDDLE[1], 470, MIDDLE[1]), line(MIDDLE[0], 40, MIDDLE[0], 300)]
    pieces.append(text(8, 16, "Where one update would move the vectors", anchor="start", bold=True))
    for i, (place, step) in enumerate(zip(PLACES, found.steps)):
        color = "one" if i == WORD else "three" if i == CONTEXT else "two"
        (x, y), (to_x, to_y) = _at(place), _at(place + PULL * step)
        pieces += [dot(x, y, color=color, radius=5), arrow(x, y, to_x, to_y, color=color),
                   text(x + (-14 if place[0] < 0 else 14), y + (18 if place[1] < 0 else -16),
                        NAMES[i], color=color, bold=True)]
    for row, (i, score) in enumerate(zip((CONTEXT, *NOISE), found.scores)):
        words = "its context" if i == CONTEXT else "drawn"
        share = 1 / (1 + np.exp(-score))
        pieces += [text(96, 342 + 26 * row, f"{NAMES[WORD]}, {NAMES[i]}", anchor="end",
                        color="three" if i == CONTEXT else "two", bold=True),
                   text(110, 342 + 26 * row, f"{words}: score `{shown(score)}`, a pair by "
                        f"`{shown(share)}`", anchor="start")]
    return figure(
        416, "Skip-gram: a pull to the context, a push from drawn words",
        "The word tea has the context cup; car and sky were drawn. Context and word move towards "
        "each other. A drawn word moves away along the word's vector: car, whose score is high, "
        "far more than sky, which is told apart already.", *pieces)


def pulled():
    """Return the Pulled."""
    p = skip_gram.Params(Table(PLACES), Table(PLACES))
    _, cache = skip_gram.forward(np.array([WORD]), np.array([CONTEXT]), np.array([NOISE]), p)
    grads = skip_gram.backward(1.0, cache)
    slopes = grads.word.weight + grads.context.weight
    return Pulled(np.concatenate([cache.u, cache.s[0]]), -slopes)


def _at(place):
    return MIDDLE[0] + UNIT * place[0], MIDDLE[1] - UNIT * place[1]
