"""What several pictures share: drawn weights, and an array as a sheet of tinted cells."""

import math

import numpy as np

from reference import linear

from ...svg import cells, rect, text


def drawn_linear(rng, out, into):
    """Return Params of a linear layer whose outputs are about as large as its inputs."""
    weight = rng.standard_normal((out, into)) / math.sqrt(into)
    return linear.Params(weight, rng.standard_normal(out) / math.sqrt(into))


def sheet(x, y, matrix, name, shape, *, unit, largest=None, behind=False):
    """Return an array without its numbers, its name above and its shape below.

    A NaN has no cell. behind shows the edge of a second sheet.
    """
    rows, columns = matrix.shape
    width, height = unit * columns, unit * rows
    largest = largest or np.nanmax(abs(matrix))
    back = [rect(x + 6, y + 6, width, height, fill="paper", edge="line")] if behind else []
    return "".join([
        *back, rect(x, y, width, height, fill="paper", edge="line"),
        *(cells(x + unit * j, y + unit * i, matrix[i, j], unit, unit, digits=None, largest=largest)
          for i, j in np.ndindex(rows, columns) if not np.isnan(matrix[i, j])),
        text(x + width / 2, y - 15, name, bold=True) if name else "",
        text(x + width / 2, y + height + 20, f"`{shape}`", color="muted")])
