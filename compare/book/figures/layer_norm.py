"""The picture of layer_norm: what its backward takes away from dxhat."""

import numpy as np

from reference import layer_norm

from ...svg import bars, figure, line, shown, text

LEFT, STEP, UNIT = 204, 66, 15


def draw():
    """Return the Figure."""
    x = np.array([1.0, 9.0, 7.0, 15.0])                                             # (C,)
    weight, dy = np.array([0.5, 2.0, 1.0, 1.0]), np.array([2.0, 1.0, 0.0, 5.0])     # (C,), (C,)
    _, cache = layer_norm.forward(x, layer_norm.Params(weight, np.zeros(4)), eps=0.0)
    dx, _ = layer_norm.backward(dy, cache)                                          # (C,)
    dxhat, rest = dy * weight, dx / cache.rstd                                      # (C,), (C,)
    mean, share = dxhat.mean(), (dxhat * cache.xhat).mean()                         # (), ()
    pieces, level = [], 0
    for numbers, first, second in (
            (dxhat, "`dxhat`", "`= dy * weight`"),
            (np.full(4, -mean), "\u2212 its part along 1", f"mean of `dxhat`: `{shown(mean, 1)}`"),
            (-share * cache.xhat, "\u2212 its part along `xhat`", f"`{shown(share, 1)} * xhat`"),
            (rest, "= what is left", "`dx / rstd`")):
        level += 38 + UNIT * max(numbers.max(), 0)
        pieces += [bars(LEFT, level, numbers, STEP, UNIT, below="two", digits=1),
                   text(8, level - 11, first, anchor="start"),
                   text(8, level + 11, second, color="muted", anchor="start")]
        level += 28 - UNIT * min(numbers.min(), 0)
    pieces.append(line(LEFT, level - 104, 472, level - 104, color="ink"))
    for row, (name, direction) in enumerate([("1", np.ones(4)), ("`xhat`", cache.xhat)]):
        pieces.append(text(472, level + 26 + 24 * row, f"its dot product with {name}: "
                           f"`{shown(rest @ direction, 1)}`", color="three", anchor="end"))
    return figure(
        level + 70, "LayerNorm's backward takes two parts away from dxhat",
        "Each column adds up: dxhat, less its mean, less its share of xhat. What is left has no "
        "part along 1, since a shift of the row changes no output, and none along xhat, since a "
        "stretch of the centred row changes none either. (1 is the row of ones, and eps is 0.)",
        *pieces)
