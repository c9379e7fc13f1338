"""The picture of simpo: two texts by their sums, then by their means, less the margin."""

from typing import NamedTuple

import numpy as np

from reference.labs import simpo

from ...svg import figure, line, rect, shown, text

CHOSEN, REJECTED = (-3.0, 6), (-2.4, 2)  # log-probability and length
BETA, GAMMA = 2.0, 0.5
ZERO, UNIT = 470, 108  # where the level 0 is, and how wide 1 is


class Compared(NamedTuple):
    """What simpo makes of the pair."""

    means: tuple   # beta times the mean of each text
    u: float       # their difference less gamma
    slopes: tuple  # of the loss in each text's log-probability


def draw():
    """Return the Figure."""
    found, pieces = compared(), []
    for top, title in (16, "By the sum the rejected text leads"), \
                      (190, f"By `\u03b2 = {BETA:g}` times the mean the chosen one leads"):
        pieces.append(text(6, top, title, anchor="start", bold=True))
    for y, (logp, length), name, color, mean in (
            (60, CHOSEN, "chosen", "one", found.means[0]),
            (126, REJECTED, "rejected", "two", found.means[1])):
        pieces += [*(rect(ZERO + UNIT * logp * (i + 1) / length, y, -UNIT * logp / length, 26,
                          fill=color, edge="paper", edge_width=2) for i in range(length)),
                   _bar_label(logp, y, color),
                   text(ZERO - 8, y - 14, f"{name}: {length} tokens", color=color, anchor="end"),
                   rect(ZERO + UNIT * mean, y + 154, -UNIT * mean, 26, fill=color),
                   _bar_label(mean, y + 154, color)]
    for top, bottom in (48, 160), (206, 366):
        pieces += [line(ZERO, top, ZERO, bottom, color="muted"),
                   text(ZERO, bottom + 12, "`0`", color="muted")]
    return figure(
        438, "SimPO: means in place of sums, and a margin",
        "Above, a piece of a bar is a token's mean. The chosen text is longer, so its sum is "
        "lower, although its tokens are the more probable ones. Below, its lead is to exceed the "
        "margin \u03b3, and u is what remains of it. The pull on a text is shared by its tokens: "
        "the longer one has the smaller slope.", *pieces, _lead(found))


def compared():
    """Return the Compared; a mean is the u of a text beside one of probability 1, at no margin."""
    (a, n), (c, m) = CHOSEN, REJECTED

    def run(chosen, rejected, gamma):
        return simpo.forward(
            np.array([chosen]), np.array([rejected]), chosen_length=np.array([n]),
            rejected_length=np.array([m]), beta=BETA, gamma=gamma)

    _, cache = run(a, c, GAMMA)
    return Compared((run(a, 0.0, 0.0)[1].u[0], -run(0.0, c, 0.0)[1].u[0]), cache.u[0],
                    tuple(slope[0] for slope in simpo.backward(1.0, cache)))


def _bar_label(number, y, color):
    return text(ZERO + UNIT * number - 8, y + 13, f"`{shown(number)}`", color=color, anchor="end",
                bold=True)


def _lead(found):
    """Return the lead of the chosen text as the margin and u, and the slopes."""
    right, left = (ZERO + UNIT * mean for mean in found.means)
    split, y = left + UNIT * GAMMA, 332
    pieces = [line(x, 310 if x == left else 244, x, y + 26, color="muted", dash="1 5")
              for x in (left, right)]
    return "".join([
        *pieces, rect(left, y, split - left, 26, fill="line"),
        rect(split, y, right - split, 26, fill="three"),
        text(split, y + 44, f"`\u03b3 = {shown(GAMMA)}`", anchor="end"),
        text(split + 14, y + 44, f"`u = {shown(found.u)}`", color="three", bold=True,
             anchor="start"),
        text(6, 416, "slope of the loss:", anchor="start"),
        *(text(x, 416, f"{name} `{shown(slope)}`", color=color, anchor=anchor)
          for x, anchor, name, slope, color in (
              (176, "start", "chosen", found.slopes[0], "one"),
              (ZERO + 6, "end", "rejected", found.slopes[1], "two")))])
