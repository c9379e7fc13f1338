"""The picture of softmax: its Jacobian, whose rows sum to 0."""

import numpy as np

from reference import softmax

from ...svg import TINT, cells, figure, line, rect, shown, text

CELL, HIGH, LEFT, TOP = 66, 44, 118, 68


def draw():
    """Return the Figure."""
    y, cache = softmax.forward(np.log([4.0, 3.0, 2.0, 1.0]))                        # (S,)
    jacobian = np.array([softmax.backward(row, cache) for row in np.eye(len(y))])   # (S, S)
    right, below = LEFT + CELL * len(y), TOP + HIGH * len(y)
    pieces = [text(LEFT + CELL * len(y) / 2, 16, "a small step of", color="muted"),
              text(LEFT - 14, 46, "moves", color="muted", anchor="end"),
              text(right + 54, 46, "row sum", color="muted"),
              cells(LEFT, TOP, jacobian, CELL, HIGH),
              line(right + 12, TOP, right + 12, below)]
    for i, share in enumerate(y):
        middle = TOP + HIGH * (i + 0.5)
        pieces += [text(LEFT + CELL * (i + 0.5), 46, f"`x[{i}]`"),
                   text(LEFT - 14, middle, f"`y[{i}]={shown(share)}`", anchor="end"),
                   text(right + 54, middle, f"`{shown(jacobian[i].sum())}`", color="three",
                        bold=True)]
    pieces += [*_tint_means(below + 34, "one", "on the diagonal", "`y[i] (1 \u2212 y[i])`"),
               *_tint_means(below + 64, "two", "beside it", "`\u2212y[i] y[j]`")]
    return figure(
        below + 84, "The Jacobian of softmax: every row sums to 0",
        "Entry (i, j) says by how much y[i] moves when x[j] does. All outputs together stay 1, so "
        "what one wins, the others lose: each column sums to 0, and, since the matrix is "
        "symmetric, each row, too. So a dy that is the same everywhere gives a dx of 0.", *pieces)


def _tint_means(y, color, where, formula):
    return (rect(LEFT, y - 9, 18, 18, fill=color, opacity=TINT, edge="line"),
            text(LEFT + 28, y, where, anchor="start"), text(LEFT + 168, y, formula, anchor="start"))
