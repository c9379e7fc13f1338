"""The picture of embedding: rows are looked up, and their gradients come back into one row."""

from math import pi

import numpy as np

from reference import embedding

from ...svg import arrowhead, bend, cells, figure, shown, text

LETTERS, TEXT, REPEATED = "abns", "banana", "a"
COLOR = {"a": "one", "b": "three", "n": "two", "s": "muted"}
WIDE, HIGH, LEFT, RIGHT = 56, 30, 34, 334
PANEL = 270


def draw():
    """Return the Figure."""
    tokens = np.array([[LETTERS.index(letter) for letter in TEXT]])         # (1, T)
    table = np.array([[1.0, 0.5], [-0.5, 2.0], [1.5, -1.0], [0.5, 1.0]])    # (V, C)
    p = embedding.Params(embedding.Table(table), embedding.Table(np.zeros((len(TEXT), 2))))
    y, cache = embedding.forward(tokens, p)                                 # (1, T, C)
    dy = np.array([[[0.5, 1.0], [0.5, -0.2], [0.1, 0.3],
                    [-0.1, 0.4], [0.4, -0.6], [0.3, 0.1]]])                 # (1, T, C)
    dtoken = embedding.backward(dy, cache).token.weight                     # (V, C)
    row = LETTERS.index(REPEATED)
    total = " + ".join(shown(number, 1) for number in dy[tokens == row][:, 0])
    total = total.replace("+ \u2212", "\u2212 ")
    pieces = [*_table_beside(0, "Forward: look up", "token.weight", table, "y", y[0], True),
              *_table_beside(PANEL, "Backward: add up", "dtoken.weight", dtoken, "dy", dy[0],
                             False),
              text(240, 2 * PANEL + 6, f"row {REPEATED}: `{total} = {shown(dtoken[row, 0], 1)}`",
                   color=COLOR[REPEATED])]
    return figure(
        2 * PANEL + 26, "Embedding: a row is looked up often, and its gradients add up",
        "Each letter fetches its row of the table, and its gradient goes back to that row. The a "
        "comes three times, so its row's gradient is a sum of three. The s never comes, and gets "
        "0. (The rows of the positions are 0 here.)", *pieces)


def _table_beside(top, title, left_name, table, right_name, rows, forward):
    """Return a table on the left, rows on the right, and the ways between them."""
    pieces = [text(16, top + 14, title, anchor="start", bold=True),
              text(LEFT + WIDE, top + 42, f"`{left_name}`", color="muted"),
              text(RIGHT + WIDE, top + 42, f"`{right_name}`", color="muted")]
    middles = {letter: top + 88 + 1.5 * HIGH * i for i, letter in enumerate(LETTERS)}
    start, end = LEFT + 2 * WIDE + 5, RIGHT - 5
    for letter, numbers in zip(LETTERS, table):
        pieces += _letter_row(LEFT, LEFT - 16, middles[letter], numbers, letter)
        if not forward and letter in TEXT:
            pieces.append(arrowhead(start, middles[letter], pi, color=COLOR[letter], size=11))
    for t, (letter, numbers) in enumerate(zip(TEXT, rows)):
        y = top + 75 + t * (HIGH + 2)
        pieces += _letter_row(RIGHT, RIGHT + 2 * WIDE + 16, y, numbers, letter)
        pieces.append(bend(start + 6, middles[letter], end - 6, y, color=COLOR[letter]))
        if forward:
            pieces.append(arrowhead(end, y, 0, color=COLOR[letter], size=11))
    return pieces


def _letter_row(x, beside, y, numbers, letter):
    """Return the cells of a letter, and the letter beside them."""
    return [cells(x, y - HIGH / 2, numbers, WIDE, HIGH, digits=1),
            text(beside, y, letter, color=COLOR[letter], bold=True)]
