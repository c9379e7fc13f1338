"""The picture of the block: the residual stream, what is added to it, and its four ways back."""

import math
from typing import NamedTuple

import numpy as np

from reference import attention, block, layer_norm, mlp

from .shared import drawn_linear
from ...svg import arrow, arrowhead, bend, figure, rect, shown, text

T, C, H = 8, 32, 4
UNIT = 30  # the width of a root mean square of 1
PAINT = {"x": "one", "a": "two", "f": "three"}


class Parts(NamedTuple):
    """What flows through a block: the terms of y, and those of dx, a way each."""

    forward: dict   # name -> (T, C)
    backward: dict  # likewise


def draw():
    """Return the Figure."""
    parts = flow_of_a_block()
    return figure(
        600, "A block: the stream, two branches, and four ways back",
        "Each branch reads the stream and adds to it. Backward, the two sums leave four ways from "
        "dy to dx: the four arrays add up to dx, and the first is dy as it came. Widths and "
        "numbers are root mean squares, which do not add up as the arrays do.",
        _river(parts.forward), _ways(parts.backward))


def flow_of_a_block():
    """Return the Parts of a block with drawn weights, inputs and cotangent."""
    rng = np.random.default_rng(0)
    norm = layer_norm.Params(np.ones(C), np.zeros(C))
    qkv, proj, up, down = (drawn_linear(rng, out, into) for out, into in
                           ((3 * C, C), (C, C), (4 * C, C), (C, 4 * C)))
    p = block.Params(norm, attention.Params(qkv, proj), norm, mlp.Params(up, down))
    x, dy = rng.standard_normal((2, 1, T, C))
    y, cache = block.forward(x, p, n_head=H)
    a, _ = attention.forward(layer_norm.forward(x, norm)[0], p.attention, n_head=H)

    def through_mlp(d):
        return layer_norm.backward(mlp.backward(d, cache.mlp)[0], cache.norm_2)[0]

    def through_attention(d):
        return layer_norm.backward(attention.backward(d, cache.attention)[0], cache.norm_1)[0]

    return Parts(
        {"x": x, "a": a, "r": x + a, "f": y - x - a, "y": y},
        {"past both": dy, "through attention": through_attention(dy),
         "through the MLP": through_mlp(dy), "through both": through_attention(through_mlp(dy)),
         "dx": block.backward(dy, cache)[0]})


def _rms(array):
    return math.sqrt((array * array).mean())


def _with_rms(name, array):
    return f"{name} {shown(_rms(array))}"


def _river(parts):
    """Return the stream from x to y; its layers show how much of it came from where."""
    bed, x, r, y = 232, parts["x"], parts["r"], parts["y"]
    pieces = [text(16, 22, "Forward: two sums", anchor="start", bold=True)]
    for left, right, total, names in [(16, 170, x, "x"), (170, 366, r, "xa"), (366, 464, y, "xaf")]:
        top = bed
        for name in names:  # their shares add up to 1
            high = UNIT * _rms(total) * (parts[name] * total).mean() / (total * total).mean()
            top -= high
            pieces.append(rect(left, top, right - left, high, fill=PAINT[name]))
    for name, at, title, before in ("a", 62, "attention", x), ("f", 258, "MLP", r):
        top, wide = bed - UNIT * _rms(before), UNIT * _rms(parts[name])
        pieces += [
            arrow(at, top, at, 110, color="muted"),
            rect(at + 108, 108, wide, top - 108, fill=PAINT[name]),
            rect(at - 26, 52, 168, 56, fill="paper", edge="muted", edge_width=1.5, corner=8),
            text(at + 58, 68, "norm", color="muted"), text(at + 58, 90, title, bold=True),
            text(at + 98, 132, _with_rms(name, parts[name]), color=PAINT[name], anchor="end",
                 bold=True)]
    pieces += [text(at, bed + 20, _with_rms(name, parts[name]), anchor="start", bold=True)
               for at, name in ((16, "x"), (182, "r"), (378, "y"))]
    return "".join(pieces)


def _ways(parts):
    """Return the four ways from dy, right, to dx, left."""
    *lanes, (_, dx) = parts.items()
    first, step, left, right = 368, 66, 120, 376
    middle = first + 1.5 * step
    pieces = [text(16, first - 58, "Backward: four ways", anchor="start", bold=True)]
    for i, (name, part) in enumerate(lanes):
        y, high = first + i * step, UNIT * _rms(part)
        color = ("one", "two", "three", "muted")[i]
        pieces += [
            bend(440, middle, right, y, color="line"),
            bend(left - 4, y, 44, middle, color="line"),
            rect(left, y - high / 2, right - left, high, fill=color),
            arrowhead(left - 14, y, math.pi, color=color, size=16),
            text(right, y - 26, _with_rms(name, part), color=color, anchor="end", bold=True)]
        boxes = [("attention", 150, 92)] * (i in (1, 3)) + [("MLP", 280, 60)] * (i in (2, 3))
        for title, at, wide in boxes:
            pieces += [rect(at, y - 15, wide, 30, fill="paper", edge=color, edge_width=1.5,
                            corner=6), text(at + wide / 2, y, title)]
    for at, name, array in (450, "dy", lanes[0][1]), (32, "dx", dx):
        pieces += [text(at, middle - 10, name, bold=True),
                   text(at, middle + 12, shown(_rms(array)))]
    return "".join(pieces)
