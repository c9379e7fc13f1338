"""The picture of scaling_law: the three terms of Hoffmann's law over the size, and their shares."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from reference.labs import scaling_law

from ...svg import Plot, figure, line, rect, shown, text

THETA = np.array([np.log(30.0), 0.4, np.log(60.0), 0.4, np.log(1.2), 1.0])
TOKENS = 1e5
DECADES = np.linspace(2, 7, 101)  # of the parameters
MARKED = 3.0, 5.0                 # whose shares are shown
TERMS = ("A / N^\u03b1", "one"), ("B / D^\u03b2", "two"), ("E", "three")


class LawTerms(NamedTuple):
    """What the law makes of sizes at one budget."""

    losses: Array  # (R,)
    shares: Array  # (R, 3)


def draw():
    """Return the Figure."""
    found, plot = law_terms(DECADES), Plot(44, 34, 420, 250, (2, 7), (0, 7))
    levels = np.cumsum(found.losses[:, None] * found.shares[:, ::-1], -1)    # (R, 3)
    pieces = [plot.axes(range(2, 8), (0, 2, 4, 6)),
              text(254, 322, "logarithm of the parameters, base 10", color="muted"),
              text(44, 14, "loss", color="muted", anchor="start")]
    for k, (_, color) in enumerate(TERMS):
        pieces.append(plot.curve(DECADES, levels[:, 2 - k], color=color, width=3))
    for decade, y in zip(MARKED, (354, 396)):
        top = law_terms(np.array([decade])).losses[0]
        pieces += [line(*plot.at(decade, 0), *plot.at(decade, top), color="muted", dash="2 4"),
                   _shares(decade, y)]
    for x, (name, color) in zip((180, 275, 370), TERMS):
        pieces.append(text(x, 14, f"`{name}`", color=color, anchor="start", bold=True))
    return figure(
        426, "The scaling law: a floor and two powers",
        "The losses of one budget over the size: the floor E, on it what the budget misses, on "
        "that what the size misses. Below, the shares of the three: they are the slopes of the "
        "loss's logarithm. Of a large model the size hardly counts, and its slopes are small.",
        *pieces)


def law_terms(decades):
    """Return the LawTerms of sizes."""
    log_n = np.log(10.0) * np.asarray(decades)
    y, cache = scaling_law.forward(THETA, log_n=log_n,
                                   log_d=np.full_like(log_n, np.log(TOKENS)))
    return LawTerms(np.exp(y), cache.shares)


def _shares(decade, y):
    """Return the shares of a size as a bar of the width 340."""
    pieces, x = [text(44, y + 13, f"`10^{decade:g}`", anchor="start")], 104
    for share, (_, color) in zip(law_terms([decade]).shares[0], TERMS):
        pieces += [rect(x, y, 340 * share, 26, fill=color, opacity=0.4),
                   text(x + 170 * share, y + 13, f"`{shown(share)}`")]
        x += 340 * share
    return "".join(pieces)
