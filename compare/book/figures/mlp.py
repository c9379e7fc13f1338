"""The picture of the MLP: its derivatives multiplied from the end, and from the start."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from reference import gelu, mlp

from .shared import drawn_linear, sheet
from ...svg import arrow, figure, rect, text

UNIT = 11  # of a cell


class Link(NamedTuple):
    """What one step of the chain rule makes."""

    name: str
    shape: str
    made: Array
    operations: int  # multiplications and additions


def draw():
    """Return the Figure."""
    small, large = both_ways(4), both_ways(128)
    return figure(
        850, "The MLP: from the end by vectors, from the start by matrices",
        "One product of derivatives, multiplied in two ways, for one position. From the end each "
        "step makes a vector, from the start a matrix, and both give the same dx. Under each array "
        "stands how many operations made it. The more channels, the further apart are the sums.",
        text(16, 22, "From the end: vectors", anchor="start", bold=True),
        _chain(small[0], 74, -1),
        text(16, 334, "From the start: matrices", anchor="start", bold=True),
        _chain(small[1], 386, 1),
        _bars_of_work(small, 4, 650), _bars_of_work(large, 128, 756))


def example_of(C):
    """Return the parameters of an MLP, and x and dy of one position: Params, (C,), (C,)."""
    rng = np.random.default_rng(2)
    p = mlp.Params(drawn_linear(rng, 4 * C, C), drawn_linear(rng, C, 4 * C))
    return p, *rng.standard_normal((2, C))


def both_ways(C):
    """Return the Links from the end and those from the start, as they stand from left to right."""
    p, x, dy = example_of(C)
    up, down = p.up.weight, p.down.weight                                       # (4C, C), (C, 4C)
    slope = gelu.backward(np.ones(4 * C), gelu.forward(up @ x + p.up.bias)[1])  # (4C,)
    da = down.T @ dy                                                            # (4C,)
    dh = slope * da                                                             # (4C,)
    dx = up.T @ dh                                                              # (C,)
    to_a = slope[:, None] * up                                                  # (4C, C)
    to_y = down @ to_a                                                          # (C, C)
    from_end = [Link("dx", "(C,)", dx, _cost(up.T, dh)), Link("dh", "(4C,)", dh, dh.size),
                Link("da", "(4C,)", da, _cost(down.T, dy)), Link("dy", "(C,)", dy, 0)]
    from_start = [Link("\u2202h/\u2202x", "(4C, C)", up, 0),
                  Link("\u2202a/\u2202x", "(4C, C)", to_a, to_a.size),
                  Link("\u2202y/\u2202x", "(C, C)", to_y, _cost(down, to_a)),
                  Link("dx", "(C,)", dy @ to_y, _cost(to_y.T, dy))]
    return from_end, from_start


def _cost(a, b):
    """Return the operations of the product a @ b: a multiplication and an addition a term."""
    return 2 * a.size * b.size // len(b)


def _work(links):
    return sum(link.operations for link in links)


def _chain(links, y, toward):
    """Return arrays side by side, with arrows toward the right, 1, or the left, -1."""
    pieces, middle = [], y + 8 * UNIT
    for link, at in zip(links, (64, 176, 288, 400)):
        words = f"{link.operations:,}" if link.operations else "given"
        made = link.made if link.made.ndim == 2 else link.made[:, None]  # a vector stands upright
        rows, columns = made.shape
        left, top = at - UNIT * columns / 2, middle - UNIT * rows / 2
        pieces += [sheet(left, top, made, link.name, link.shape, unit=UNIT),
                   text(at, top + UNIT * rows + 42, words, color="three", bold=True)]
    pieces += [arrow(at - 22 * toward, middle, at + 22 * toward, middle, color="muted")
               for at in (120, 232, 344)]
    return "".join(pieces)


def _bars_of_work(links, C, y):
    """Return the operations of both ways as bars to scale, and their numbers."""
    pieces = [text(16, y, f"Operations, C = {C}", anchor="start", bold=True)]
    most = max(map(_work, links))
    for i, (way, name) in enumerate(zip(links, ("vectors", "matrices"))):
        place, long = y + 30 + 30 * i, 250 * _work(way) / most
        pieces += [text(92, place, name, anchor="end"),
                   rect(102, place - 10, max(long, 1.5), 20, fill="three"),
                   text(110 + long, place, f"{_work(way):,}", anchor="start")]
    return "".join(pieces)
