"""The picture of clipped_surrogate: the gain over the ratio, and where it is held."""

import numpy as np

from reference.labs import clipped_surrogate

from ...svg import Plot, dot, figure, line, text

EPSILON, NO_CLIP = 0.2, 0.9  # the second holds no ratio of the picture
RATIOS = np.linspace(0.2, 1.8, 321)


def draw():
    """Return the Figure."""
    plot = Plot(48, 14, 420, 344, (0.2, 1.8), (-1.9, 1.9))
    low, high = 1 - EPSILON, 1 + EPSILON
    pieces = [line(*plot.at(edge, -1.9), *plot.at(edge, 1.9), color="muted", dash="1 5")
              for edge in (low, high)]
    pieces.append(plot.axes((0.4, 0.8, 1.2, 1.6), (-1, 0, 1), digits=1))
    for advantage in 1.0, -1.0:
        gain, slope = gain_and_slope(advantage)
        pieces.append(plot.curve(RATIOS, gain_and_slope(advantage, NO_CLIP)[0], color="muted",
                                 width=1.5, dash="7 6"))
        for held, color in (False, "one"), (True, "two"):
            here = (slope == 0) == held
            pieces.append(plot.curve(RATIOS[here], gain[here], color=color, width=3.5))
        pieces.append(dot(*plot.at(1, advantage), color="one", radius=5))
    pieces += [
        text(*plot.at(0.23, 1.62), "better than", anchor="start"),
        text(*plot.at(0.23, 1.40), "expected: `A = 1`", anchor="start"),
        text(*plot.at(1.77, -0.26), "worse than", anchor="end"),
        text(*plot.at(1.77, -0.48), "expected: `A = \u22121`", anchor="end"),
        text(*plot.at(1.5, 1.04), "held: slope 0", color="two"),
        text(*plot.at(0.5, -0.98), "held: slope 0", color="two"),
        text(*plot.at(0.84, 0.5), "slope `A`", color="one", anchor="start"),
        text(*plot.at(1.17, -1.62), "slope `A`", color="one", anchor="end"),
        text(plot.at(1.78, 0)[0], plot.at(0, 0)[1] - 14, "ratio", color="muted", anchor="end")]
    return figure(
        394, "The clipped surrogate: what an answer gains over its ratio",
        "An answer starts at the ratio 1. Once it has moved by a fifth, a good one up or a bad one "
        "down, the clip holds it: nothing more is gained, and the slope is 0. An answer that has "
        "moved the wrong way is not held. Without the clip the lines would go on as dashed.",
        *pieces)


def gain_and_slope(advantage, epsilon=EPSILON):
    """Return minus the loss of an answer at each of RATIOS, and its slope in the ratio."""
    logp = np.log(RATIOS)                                                  # (N,)
    gains, slopes = [], []
    for i in range(len(RATIOS)):
        loss, cache = clipped_surrogate.forward(
            logp[i:i + 1], old_logp=np.zeros(1), advantages=np.array([advantage]), epsilon=epsilon)
        gains.append(-loss)
        slopes.append(clipped_surrogate.backward(-1.0, cache)[0] / cache.ratio[0])
    return np.array(gains), np.array(slopes)
