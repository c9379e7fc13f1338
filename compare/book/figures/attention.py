"""The picture of attention: the shapes from x to y, and the weights of a head that was trained."""

import math

import numpy as np

from reference import attention

from .shared import drawn_linear, sheet
from ...svg import arrow, figure, rect, text
from .trained_head import LETTERS, SHOWN, recalling, trained_head

T, C, H, D = 5, 4, 2, 2
UNIT, WIDE = 17, 25  # of a cell, above and below


def draw():
    """Return the Figure."""
    head, found = trained_head(), recalling(SHOWN)
    share = min(head.weights[t, places].sum() for t, places in found)
    return figure(
        1060, "Attention: the shapes from x to y, and where a trained head looks",
        "Above: one head, the other behind it; a row sees itself and the rows before it, hence the "
        "triangles. Below: a head that was trained while this page was made, on words that keep to "
        "one vowel. A consonant inside of a word needs that vowel next, and gives at least "
        f"{share:.0%} of its weight to the places where it stood before.",
        _flow(one_head()), _trained(head, dict(found), 40, 720))


def one_head():
    """Return the arrays of the first head on a drawn example, by their names."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((1, T, C))
    p = attention.Params(drawn_linear(rng, 3 * C, C), drawn_linear(rng, C, C))
    y, cache = attention.forward(x, p, n_head=H)                       # (1, T, C)
    q, k, v, weights = (a[0, 0] for a in (cache.q, cache.k, cache.v, cache.weights))
    seen = np.tri(T, dtype=bool)
    return {"x": x[0], "q": q, "k": k, "v": v,                         # (T, C), (T, D) each
            "scores": np.where(seen, q @ k.T / math.sqrt(D), np.nan),  # (T, T)
            "weights": np.where(seen, weights, np.nan),                # (T, T)
            "mixed": weights @ v, "merged": cache.proj.x[0], "y": y[0]}


def _flow(arrays):
    def place(x, y, name, shape):
        return sheet(x, y, arrays[name], name, shape, unit=UNIT, behind=shape != "(T, C)")

    mine = [rect(x, 502, D * UNIT, T * UNIT, edge="three", edge_width=2.5) for x in (420, 242)]
    return "".join([
        text(16, 22, "From x to y: the shapes", anchor="start", bold=True),
        place(24, 84, "x", "(T, C)"),
        arrow(102, 126, 156, 126), text(128, 106, "linear", color="muted"),
        place(166, 84, "q", "(T, D)"), place(250, 84, "k", "(T, D)"), place(420, 84, "v", "(T, D)"),
        arrow(183, 208, 176, 256), arrow(267, 208, 214, 256),
        place(150, 294, "scores", "(T, T)"),
        arrow(250, 336, 316, 336), text(282, 316, "softmax", color="muted"),
        place(326, 294, "weights", "(T, T)"),
        arrow(378, 420, 420, 464), arrow(437, 208, 437, 464),
        place(420, 502, "mixed", "(T, D)"),
        arrow(410, 544, 320, 544), text(366, 524, "heads", color="muted"),
        place(242, 502, "merged", "(T, C)"), *mine,
        arrow(232, 544, 104, 544), text(168, 524, "linear", color="muted"),
        place(24, 502, "y", "(T, C)")])


def _trained(head, needs, x, y):
    """Return the weights as a triangle; needs are the rows where looking back pays."""
    right, marks = x + WIDE * len(SHOWN), []
    pieces = [text(x - 24, y - 58, "A trained head: a row shows where a letter looks",
                   anchor="start", bold=True),
              text(right + 16, y + 1.5 * WIDE, "next", color="muted", anchor="start")]
    for t, letter in enumerate(SHOWN):
        middle, color = y + WIDE * (t + 0.5), "three" if t in needs else "muted"
        pieces += [text(x - 14, middle, f"`{letter}`", color=color, bold=t in needs),
                   text(x + WIDE * (t + 0.5), y - 16, f"`{letter}`", color="muted")]
        pieces += [rect(x + WIDE * s, y + WIDE * t, WIDE, WIDE, fill="one", edge="line",
                        opacity=float(head.weights[t, s])) for s in range(t + 1)]
        if t in needs:
            best = int(head.chances[t].argmax())
            marks += [rect(x, y + WIDE * t, WIDE * (t + 1), WIDE, edge="three", edge_width=2.5),
                      text(right + 16, middle, f"`{LETTERS[best]}` {head.chances[t, best]:.0%}",
                           color="three", anchor="start", bold=True)]
    return "".join(pieces + marks)
