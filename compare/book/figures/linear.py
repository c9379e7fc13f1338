"""The picture of linear: three products, each a sum over the axis that its factors share."""

import numpy as np

from reference import linear

from ...svg import cells, figure, line, rect, shown, text

CELL, PANEL = 29, 228
COLOR = {"N": "one", "I": "three", "O": "two"}
MEANING = {"N": "the rows", "I": "the features in", "O": "the features out"}


def draw():
    """Return the Figure."""
    x = np.array([[2, 0, 1], [-1, 1, 0], [1, 2, -1], [0, -2, 3]], float)     # (N, I)
    dy = np.array([[1, 0], [-1, 2], [0, 1], [2, -1]], float)                # (N, O)
    p = linear.Params(np.array([[1, -1, 2], [0, 3, 1]], float), np.zeros(2))  # weight (O, I)
    y, cache = linear.forward(x, p)                                         # (N, O)
    dx, dp = linear.backward(dy, cache)                                     # (N, I), Params
    pieces = [*_product(0, ("x", x, "NI"), ("weight.T", p.weight.T, "IO"), ("y", y, "NO")),
              *_product(PANEL, ("dy", dy, "NO"), ("weight", p.weight, "OI"), ("dx", dx, "NI")),
              *_product(2 * PANEL, ("dy.T", dy.T, "ON"), ("x", x, "NI"),
                        ("dweight", dp.weight, "OI"))]
    return figure(
        3 * PANEL, "Linear: each product sums over the axis that its factors share",
        "Each array keeps its axes: N rows, I features in, O features out. An entry of a product "
        "is a row of the first factor times a column of the second. The axis that both have is "
        "summed away, and the other two remain. So the shapes alone tell where a transpose must "
        "stand. (The bias is 0 here. Its gradient is dy summed over N.)", *pieces)


def _product(top, *arrays):
    """Return two factors and their product, with one row, one column and their entry framed."""
    (first, a, axes), (second, b, _), (result, c, _) = arrays
    summed = axes[1]
    color = COLOR[summed]
    terms = " + ".join(f"{_factor(u)}\u00b7{_factor(v)}" for u, v in zip(a[1], b[:, 1]))
    middle = top + 116
    pieces = [text(16, top + 14, f"`{result} = {first} @ {second}`", anchor="start", bold=True),
              text(464, top + 14, f"sum over {summed}, {MEANING[summed]}", color=color,
                   anchor="end"),
              text(160, middle, "`@`"), text(309, middle, "`=`"),
              text(240, top + 198, f"`{terms} = {shown(c[1, 1], 0)}`", color=color)]
    for centre, (name, matrix, axes) in zip((85, 240, 395), arrays):
        pieces += _with_axes(centre, middle, matrix, axes, summed)
    frames = (85, a, 1, None), (240, b, None, 1), (395, c, 1, 1)
    return pieces + [_framed(centre, middle, matrix.shape, row, column, color)
                     for centre, matrix, row, column in frames]


def _factor(number):
    return shown(number, 0) if number >= 0 else f"({shown(number, 0)})"


def _with_axes(centre, middle, matrix, axes, summed):
    """Return an array around a place, and its axes beside it, the one that is summed in colour."""
    high, wide = CELL * np.array(matrix.shape)
    left, top = centre - wide / 2, middle - high / 2
    pieces = [cells(left, top, matrix, CELL, CELL, digits=0)]
    for name, ends, place in ((axes[0], (left - 6, top, left - 6, top + high), (left - 18, middle)),
                              (axes[1], (left, top - 6, left + wide, top - 6), (centre, top - 19))):
        strong = name == summed
        color = COLOR[name] if strong else "muted"
        pieces += [line(*ends, color=color, width=4 if strong else 1.5),
                   text(*place, name, color=color, bold=strong)]
    return pieces


def _framed(centre, middle, shape, row, column, color):
    """Return a frame around a row, a column, or the entry where they meet."""
    high, wide = CELL * np.array(shape)
    left, top = centre - wide / 2, middle - high / 2
    if row is not None:
        top, high = top + CELL * row, CELL
    if column is not None:
        left, wide = left + CELL * column, CELL
    return rect(left, top, wide, high, edge=color, edge_width=3)
