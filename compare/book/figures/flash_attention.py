"""The picture of flash attention: tiles in the order of their visits, and what a row keeps."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from reference.flash_attention import blocks

from ...svg import bars, figure, line, path, rect, shown, text

T, D, TILE, ROW = 12, 4, 3, 11
UNIT, LEFT, TOP = 24, 150, 40  # of a cell, and where the first one is
SIDE = UNIT * TILE


class Tile(NamedTuple):
    """The marked row's scores in one tile, and what is left of the row after it."""

    scores: Array  # (U,)
    top: float     # the largest score so far
    total: float   # the sum of exp(score - top) so far
    shrink: float  # the factor of the old total


def draw():
    """Return the Figure."""
    tiles = row_of_tiles(*queries_and_keys())
    grown = sum(tile.shrink < 1 for tile in tiles[1:])
    return figure(
        670, "Flash attention: the scores in tiles, and what one row keeps",
        "The tiles are made in the order of their numbers, and none is kept. Of the marked row "
        "there remain the largest score so far M, the sum \u2113 of the exponentials of the scores "
        "less M, and a mixture of values in the same way, not shown. Where M grows, here "
        f"{grown} times, what was summed is scaled down by \u03b1 first.",
        _numbers_of_the_row(tiles), _matrix_of_tiles(), _scores_of_the_row(tiles))


def queries_and_keys():
    """Return whole numbers, so that the scores are whole or half: (T, D) each."""
    return np.random.default_rng(780).integers(-2, 3, (2, T, D)).astype(float)


def row_of_tiles(q, k):
    """Return the Tiles of the marked row, by FA-1 and FA-3 to FA-6."""
    scores, found = q[ROW] @ k.T / np.sqrt(D), []
    top, total = -np.inf, 0.0
    for cols in blocks(T, TILE):
        last, top = top, max(top, scores[cols].max())
        shrink = np.exp(last - top)
        total = total * shrink + np.exp(scores[cols] - top).sum()
        found.append(Tile(scores[cols], top, total, shrink))
    return found


def _matrix_of_tiles():
    """Return the square of scores, its tiles numbered as the forward visits them."""
    pieces, number = [], 0
    for rows in blocks(T, TILE):
        for cols in blocks(T, TILE):
            x, y = LEFT + UNIT * cols.start, TOP + UNIT * rows.start
            if cols.start > rows.start:
                pieces.append(rect(x, y, SIDE, SIDE, edge="line"))
                continue
            number += 1
            pieces.append(rect(x, y, SIDE, SIDE, fill="one", opacity=0.16, edge="line"))
            future = [(i, j) for i, j in np.ndindex(TILE, TILE) if rows == cols and i < j]
            pieces += [rect(x + UNIT * j, y + UNIT * i, UNIT, UNIT, fill="paper")
                       for i, j in future]
            pieces.append(text(x + 0.36 * SIDE, y + 0.48 * SIDE, str(number), color="one",
                               bold=True))
    row = TOP + UNIT * ROW
    return "".join([
        *pieces, rect(LEFT, row, UNIT * T, UNIT, edge="two", edge_width=2.5),
        text(LEFT - 12, row + UNIT / 2, "one query", color="two", anchor="end", bold=True),
        text(LEFT + UNIT * T / 2, TOP - 20, "keys", color="muted"),
        text(LEFT - 12, TOP + UNIT / 2, "queries", color="muted", anchor="end"),
        text(LEFT + 2.5 * SIDE, TOP + 0.5 * SIDE, "skipped", color="muted")])


def _scores_of_the_row(tiles):
    """Return the scores as bars under their columns, and the largest so far as steps."""
    level, high = 450, 34
    steps = [(LEFT + SIDE * (i + end), level - high * tile.top)
             for i, tile in enumerate(tiles) for end in (0, 1)]
    scores = np.concatenate([tile.scores for tile in tiles])
    return "".join([
        bars(LEFT, level, scores, UNIT, high, color="two", digits=None),
        path(steps, color="three", width=3),
        text(LEFT - 12, level - 12, "its scores", color="two", anchor="end"),
        text(LEFT - 12, level - 41, "largest so far", color="three", anchor="end")])


def _numbers_of_the_row(tiles):
    """Return a column of numbers under each tile."""
    last = len(tiles) * (len(tiles) + 1) // 2
    rows = [("after tile", "muted", range(last - len(tiles) + 1, last + 1)),
            ("largest M", "three", [shown(tile.top, 1) for tile in tiles]),
            ("factor \u03b1", "muted", ["", *(shown(tile.shrink) for tile in tiles[1:])]),
            ("sum \u2113", "one", [shown(tile.total) for tile in tiles])]
    pieces = [line(LEFT + SIDE * i, TOP + UNIT * T, LEFT + SIDE * i, 656, dash="2 5")
              for i in range(len(tiles) + 1)]
    for y, (name, color, words) in zip(range(544, 680, 34), rows):
        pieces.append(text(LEFT - 12, y, name, color=color, anchor="end"))
        pieces += [text(LEFT + SIDE * (i + 0.5), y, f"`{word}`", color=color)
                   for i, word in enumerate(words) if word]
    return "".join(pieces)
