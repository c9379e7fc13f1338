"""The picture of swiglu: how its gate is bent, and the slope of that."""

import numpy as np

from reference import linear, swiglu

from ...svg import Plot, dot, figure, line, shown, text

ALONE = swiglu.Params(  # of one gate g, through which a 1 passes: x is (g, 1), y (silu(g), 0)
    *(linear.Weight(np.array(rows)) for rows in ([[1.0, 0.0]], [[0.0, 1.0]], [[1.0], [0.0]])))


def draw():
    """Return the Figure."""
    g = np.linspace(-5, 5, 1001)                                    # (G,)
    y, cache = swiglu.forward(np.stack([g, np.ones_like(g)], 1), ALONE)
    dx, _ = swiglu.backward(np.ones_like(y), cache)                 # (G, 2)
    value, slope, gate = y[:, 0], dx[:, 0], cache.s[:, 0]           # (G,)
    plot = Plot(34, 14, 432, 324, (-5, 5), (-0.5, 2.7))
    low, steep = value.argmin(), slope.argmax()
    return figure(
        372, "SiLU: the logistic function, the value and the slope",
        "The gate g is bent to g times its logistic function, which rises from 0 to 1. What "
        "passes, u, is multiplied by the value; the gradient of g by the slope. The value is "
        "lowest where the slope is 0.",
        plot.axes(range(-5, 6), (0, 1, 2)),
        line(*plot.at(-5, 1), *plot.at(5, 1), width=1),
        line(*plot.at(g[low], 0.9), *plot.at(g[low], value[low]), color="muted", dash="1 5"),
        plot.curve(g, gate, color="three", dash="7 6"), plot.curve(g, slope, color="two"),
        plot.curve(g, value, width=3.5),
        dot(*plot.at(g[low], value[low]), color="one", radius=5),
        dot(*plot.at(g[low], 0), color="two"),
        dot(*plot.at(g[steep], slope[steep]), color="two"),
        text(*plot.at(-0.3, 1.62), "value lowest where", anchor="end"),
        text(*plot.at(-0.3, 1.42), f"slope is 0: `g = {shown(g[low])}`", anchor="end"),
        text(plot.at(4.8, 0)[0], plot.at(0, 0)[1] - 14, "`g`", color="muted"),
        text(*plot.at(-1.5, 0.42), "logistic", color="three", anchor="end"),
        text(*plot.at(2.1, 2.5), "value", color="one", anchor="end"),
        text(*plot.at(2.3, 1.42), "slope: at most", color="two", anchor="start"),
        text(*plot.at(2.3, 1.24), f"`{shown(slope[steep])}`", color="two", anchor="start"))
