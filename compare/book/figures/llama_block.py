"""The picture of the llama's block: a longer stream gets the same, and gives it less gradient."""

import math

import numpy as np

from reference import grouped_attention, linear, llama_block, rms_norm, swiglu

from ...svg import figure, rect, shown, text

T, C, F, HEADS = 8, 32, 88, {"n_head": 4, "n_kv_head": 2}
STRETCHED = 1, 2, 4, 8
ADDED, RETURNED, UNIT = 152, 326, 56  # where the two columns begin, and the width of 1
TOP, STEP = 96, 52


def draw():
    """Return the Figure."""
    pieces = [text(16, 34, "the stream", anchor="start", bold=True)]
    for x, name, words, color in [(ADDED, "y \u2212 x", "what it is given", "one"),
                                  (RETURNED, "dx \u2212 dy", "its gradient", "two")]:
        pieces += [text(x, 22, words, anchor="start", bold=True, color=color),
                   text(x, 46, f"`{name}`", anchor="start", color="muted")]
    for i, (times, added, returned) in enumerate(stretched_streams()):
        y = TOP + STEP * i
        pieces += [text(16, y, "`x`" if times == 1 else f"`{times} * x`", anchor="start")]
        for x, array, color in (ADDED, added, "one"), (RETURNED, returned, "two"):
            wide = UNIT * root_mean_square(array)
            pieces += [rect(x, y - 13, wide, 26, fill=color),
                       text(x + wide + 8, y, shown(root_mean_square(array)), anchor="start")]
    return figure(
        TOP + STEP * len(STRETCHED) - 10, "A llama's block: its branches see no length",
        "The same block on one stream, stretched. Each norm divides the length out, so the "
        "branches add about as much as before: less and less of the stream. And the gradient that "
        "comes back through them is divided by as much. The rest of dx is dy, on the direct path. "
        "Numbers are root mean squares.", *pieces)


def stretched_streams():
    """Return (factor, what the block adds, the gradient through its branches) of each length."""
    rng = np.random.default_rng(0)

    def weight(out, into):
        return linear.Weight(rng.standard_normal((out, into)) / math.sqrt(into))

    p = llama_block.Params(
        rms_norm.Params(np.ones(C)),
        grouped_attention.Params(weight(C, C), weight(C // 2, C), weight(C // 2, C), weight(C, C)),
        rms_norm.Params(np.ones(C)), swiglu.Params(weight(F, C), weight(F, C), weight(C, F)))
    x, dy = rng.standard_normal((2, 1, T, C))
    found = []
    for times in STRETCHED:
        y, cache = llama_block.forward(times * x, p, **HEADS)
        found.append((times, y - times * x, llama_block.backward(dy, cache)[0] - dy))
    return found


def root_mean_square(array):
    """Return the size of an array, one number."""
    return math.sqrt((array * array).mean())
