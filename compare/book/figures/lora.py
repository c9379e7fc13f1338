"""The picture of lora: two factors, the weight that they change, and the first gradients."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from reference.labs import lora

from ...svg import cells, figure, text

CELL, SCALE = 28, 2.0
X = np.array([[1, 0, 2, -1], [0, 1, 1, 1]], float)                       # (N, I)
DY = np.array([[1, -1, 0], [0, 2, 1]], float)                            # (N, O)
WEIGHT = np.array([[1, 0, -2, 1], [0, 2, 1, -1], [3, -1, 0, 1]], float)  # (O, I)
ADAPTER = lora.Params(np.array([[1, -1, 0, 2]], float), np.array([[1], [0], [-1]], float))


class First(NamedTuple):
    """The gradients while b is 0."""

    da: Array  # (R, I)
    db: Array  # (O, R)


def draw():
    """Return the Figure."""
    a, b = ADAPTER
    product, grads = b @ a, first_gradients()
    pieces = [
        _title(14, "the factors, of rank 1, and their product"),
        *_line_of(92, ("b", b), "`@`", ("a", a), "`=`", ("b @ a", product)),
        _title(168, f"the adapted weight, with the scale {SCALE:g}"),
        *_line_of(246, ("weight", WEIGHT), f"`+ {SCALE:g}\u00b7`", ("b @ a", product), "`=`",
              ("merged", WEIGHT + SCALE * product)),
        _title(322, "the gradients at the start, while b is 0"),
        *_line_of(400, ("da", grads.da), "", ("db", grads.db))]
    return figure(
        452, "LoRA: a frozen weight, and a product of two small factors",
        "Each row of the product is a multiple of the one row of a: the adapter has 7 numbers, the "
        "weight 12. The weight itself is not changed. At the start b is 0 and the model is as it "
        "was. Then a has no gradient, since b stands between a and the output, and the first "
        "update moves b alone.", *pieces)


def first_gradients():
    """Return the First of X and DY."""
    start = ADAPTER._replace(b=np.zeros_like(ADAPTER.b))
    return First(*lora.backward(DY, lora.forward(X, start, weight=WEIGHT, scale=SCALE)[1])[1])


def _title(top, words):
    return text(10, top, words, anchor="start", bold=True)


def _line_of(middle, *parts):
    """Return arrays and the signs between them around a height, from left to right."""
    left, pieces = 16, []
    for part in parts:
        if isinstance(part, str):
            pieces.append(text(left + 28, middle, part))
            left += 56
            continue
        name, matrix = part
        high, wide = CELL * np.array(matrix.shape)
        pieces += [cells(left, middle - high / 2, matrix, CELL, CELL, digits=0),
                   text(left + wide / 2, middle - high / 2 - 11, f"`{name}`")]
        left += wide
    return pieces
