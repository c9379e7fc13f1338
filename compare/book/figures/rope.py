"""The picture of rope: a query and a key at two places of a text, turned, and their score."""

from math import hypot

import numpy as np

from reference import rope

from ...svg import arrow, dot, figure, path, shown, text

BASE, RADIUS = 100.0, 74
PLACES = (1, 3), (5, 7)  # positions of query and key: two apart both times


def draw():
    """Return the Figure."""
    q, k = np.array([[1.0, 0.8, 0.0, 0.6]]), np.array([[0.6, 1.0, -0.8, 0.0]])  # (1, D)
    pieces = []
    for column, (t, u) in enumerate(PLACES):
        turned_q, turned_k = row_at(q, t), row_at(k, u)                         # (D,), (D,)
        x = 170 + 196 * column
        pieces.append(text(x, 18, f"query at {t}, key at {u}", bold=True))
        for i in range(2):
            y = 122 + 212 * i
            pieces += [_panel(x, y, turned_q[i::2], turned_k[i::2]),
                       text(x, y + 96, f"`{shown(turned_q[i::2] @ turned_k[i::2])}`")]
        pieces.append(text(x, 464, f"`{shown(turned_q @ turned_k)}`", color="three", bold=True))
    for i, turn in enumerate(rope.turns(2, 4, BASE, 0, np.dtype(float))[1][1]):
        y = 122 + 212 * i
        pieces += [text(8, y - 11, f"pair {i}", anchor="start"),
                   text(8, y + 11, f"`{shown(np.arcsin(turn), 1)}`", anchor="start", color="muted"),
                   text(8, y + 33, "a step", anchor="start", color="muted")]
    pieces += [text(8, 464, "score", color="three", anchor="start", bold=True),
               text(8, 218, "product", anchor="start"), text(8, 430, "product", anchor="start"),
               text(200, 494, "query", color="one", bold=True),
               text(280, 494, "key", color="two", bold=True)]
    return figure(
        512, "RoPE: the angle between query and key depends on the distance alone",
        "Each circle holds one pair of channels of a query and of a key, turned by their "
        "positions. Pair 0 turns by 1 a position, pair 1 by a tenth of that. On the right both "
        "stand four positions later, and both are turned further by the same angle: so each "
        "product, and the score, is the same.", *pieces)


def row_at(row, position):
    """Return a row at a position: (1, D) -> (D,)."""
    return rope.forward(row, base=BASE, start=position)[0][0]


def _panel(x, y, query, key):
    """Return two arrows from the middle of a circle."""
    circle = [(x + RADIUS * np.cos(a), y + RADIUS * np.sin(a))
              for a in np.linspace(0, 2 * np.pi, 73)]
    return path(circle, color="line", width=1.5) + "".join(
        arrow(x, y, x + RADIUS * pair[0], y - RADIUS * pair[1], color=color, width=3, head=11)
        for pair, color in ((query, "one"), (key, "two")) if hypot(*pair)) + dot(x, y, radius=3)
