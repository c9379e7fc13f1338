"""The picture of rms_norm: what its backward takes away from dxhat, and what it leaves."""

import numpy as np

from reference import rms_norm

from ...svg import bars, figure, line, shown, text

LEFT, STEP, UNIT = 204, 66, 15


def draw():
    """Return the Figure."""
    x = np.array([2.0, -2.0, 2.0, 2.0])                                             # (C,)
    weight, dy = np.array([1.0, 2.0, 3.0, 1.0]), np.array([6.0, 1.0, 2.0, -2.0])    # (C,), (C,)
    _, cache = rms_norm.forward(x, rms_norm.Params(weight), eps=0.0)
    dx, _ = rms_norm.backward(dy, cache)                                            # (C,)
    dxhat, rest = dy * weight, dx / cache.rrms                                      # (C,), (C,)
    share = (dxhat * cache.xhat).mean()                                             # ()
    pieces, level = [], 0
    for numbers, first, second in (
            (dxhat, "`dxhat`", "`= dy * weight`"),
            (-share * cache.xhat, "\u2212 its part along `xhat`", f"`{shown(share, 1)} * xhat`"),
            (rest, "= what is left", "`dx / rrms`")):
        level += 38 + UNIT * max(numbers.max(), 0)
        pieces += [bars(LEFT, level, numbers, STEP, UNIT, below="two", digits=1),
                   text(8, level - 11, first, anchor="start"),
                   text(8, level + 11, second, color="muted", anchor="start")]
        level += 28 - UNIT * min(numbers.min(), 0)
    pieces.append(line(LEFT, level - 177, 472, level - 177, color="ink"))
    for row, (name, direction) in enumerate([("`xhat`", cache.xhat), ("1", np.ones(4))]):
        pieces.append(text(472, level + 16 + 24 * row, f"its dot product with {name}: "
                           f"`{shown(rest @ direction, 1)}`", color="three", anchor="end"))
    return figure(
        level + 60, "RMSNorm's backward takes one part away from dxhat",
        "Each column adds up: dxhat, less its share of xhat. What is left has no part along xhat, "
        "since a stretch of the row changes no output. It does have a part along 1, the row of "
        "ones: a shift changes the output. LayerNorm's backward takes that part away, too. (eps is "
        "0.)", *pieces)
