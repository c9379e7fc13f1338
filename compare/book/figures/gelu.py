"""The picture of gelu: its gate, its value and its slope."""

import numpy as np

from reference import gelu

from ...svg import Plot, dot, figure, line, shown, text


def draw():
    """Return the Figure."""
    x = np.linspace(-4, 4, 801)                         # (801,)
    y, cache = gelu.forward(x)                          # (801,)
    gate = 1 / (1 + cache.e)                            # (801,)
    slope = gelu.backward(np.ones_like(x), cache)       # (801,)
    plot = Plot(34, 14, 432, 324, (-4, 4), (-0.4, 2.2))
    low, steep = y.argmin(), slope.argmax()
    pieces = [
        plot.axes(range(-4, 5), (0, 1, 2)),
        line(*plot.at(-4, 1), *plot.at(4, 1), width=1),
        line(*plot.at(x[low], 1.4), *plot.at(x[low], y[low]), color="muted", dash="1 5"),
        plot.curve(x, gate, color="three", dash="7 6"), plot.curve(x, slope, color="two"),
        plot.curve(x, y, width=3.5),
        dot(*plot.at(x[low], y[low]), color="one", radius=5), dot(*plot.at(x[low], 0), color="two"),
        dot(*plot.at(x[steep], slope[steep]), color="two"),
        text(*plot.at(-0.4, 1.68), "value lowest where", anchor="end"),
        text(*plot.at(-0.4, 1.52), f"slope is 0: `x = {shown(x[low])}`", anchor="end"),
        text(plot.at(3.9, 0)[0], plot.at(0, 0)[1] - 14, "`x`", color="muted"),
        text(*plot.at(-1.15, 0.36), "gate", color="three", anchor="end"),
        text(*plot.at(2.3, 2.05), "value `y`", color="one", anchor="start"),
        text(*plot.at(1.85, 1.46), "slope: at most", color="two", anchor="start"),
        text(*plot.at(1.85, 1.30), f"`{shown(slope[steep])}`", color="two", anchor="start")]
    return figure(
        372, "GELU: its gate, its value and its slope",
        "The value is x times the gate, which opens from 0 to 1. The slope is the gate plus x "
        "times the gate's own slope. That second part has the sign of x: it pulls the slope below "
        "0 where the value falls, and lifts it above 1 on the right.", *pieces)
