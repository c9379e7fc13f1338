"""The picture of dpo: its loss, and the two slopes, over how far the order is right."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from reference.labs import dpo

from ...svg import Plot, dot, figure, line, shown, text

LEADS = np.linspace(-6, 6, 241)  # of the chosen text, with beta 1: u


class PairSlopes(NamedTuple):
    """The loss of a pair at each of LEADS, and its slopes, (N,)."""

    loss: Array
    dchosen: Array
    drejected: Array


def draw():
    """Return the Figure."""
    pairs, start = pairs_over_leads(), len(LEADS) // 2
    plot = Plot(34, 44, 432, 330, (-6, 6), (-1.25, 4.25))
    pieces = [
        line(*plot.at(-6, 1), *plot.at(6, 1), width=1), plot.axes(range(-6, 7, 2), range(-1, 5)),
        text(*plot.at(-3, 4.75), "wrong order", color="muted"),
        text(*plot.at(3, 4.75), "right order", color="muted"),
        plot.curve(LEADS, pairs.loss, color="three", width=3.5),
        plot.curve(LEADS, pairs.drejected, color="two"), plot.curve(LEADS, pairs.dchosen),
        *(dot(*plot.at(0, numbers[start]), color=color, radius=5) for numbers, color in
          ((pairs.loss, "three"), (pairs.drejected, "two"), (pairs.dchosen, "one"))),
        text(*plot.at(-2.4, 3.4), "loss", color="three", anchor="start", bold=True),
        text(*plot.at(-5.8, 1.32), "slope in the", color="two", anchor="start"),
        text(*plot.at(-5.8, 0.62), "rejected text", color="two", anchor="start"),
        text(*plot.at(0.9, -0.6), "slope in the", color="one", anchor="start"),
        text(*plot.at(0.9, -0.92), "chosen text", color="one", anchor="start"),
        text(*plot.at(1.2, 2.6), "at the start, `u = 0`:", anchor="start"),
        *(text(*plot.at(1.2, 2.6 - 0.34 * (i + 1)), f"{name} `{shown(numbers[start])}`",
               color=color, anchor="start") for i, (name, numbers, color) in
          enumerate((("loss", pairs.loss, "three"), ("slope", pairs.drejected, "two"),
                     ("slope", pairs.dchosen, "one")))),
        text(plot.at(5.9, 0)[0], plot.at(0, 0)[1] - 14, "`u`", color="muted")]
    return figure(
        408, "DPO: the loss of a pair and its two slopes",
        "u is how much more the model has raised the chosen text than the rejected one. Where the "
        "order is wrong the loss is steep, with slopes near 1. Where it is right they go to 0: the "
        "pair is left alone. The two slopes are opposite at every u: a step raises one text and "
        "lowers the other.", *pieces)


def pairs_over_leads():
    """Return the PairSlopes, each of them computed alone."""
    rows = []
    for lead in LEADS:
        loss, cache = dpo.forward(np.array([lead]), np.zeros(1), ref_chosen=np.zeros(1),
                                  ref_rejected=np.zeros(1), beta=1.0)
        rows.append([loss, *np.concatenate(dpo.backward(1.0, cache))])
    return PairSlopes(*np.transpose(rows))
