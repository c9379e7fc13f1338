"""The picture of kto: what a good text and a bad one lack, and their slopes, around z0."""

import numpy as np

from reference.labs import kto

from ...svg import Plot, dot, figure, line, shown, text

RATIOS, Z0 = np.linspace(-6, 8, 281), 1.0  # log-ratios, and the yardstick in their middle
SIDES = ((True, "one", "good text"), (False, "two", "bad text"))


def draw():
    """Return the Figure."""
    across = RATIOS[0], RATIOS[-1]
    top = Plot(56, 44, 410, 150, across, (0, 1))
    below = Plot(56, 250, 410, 150, across, (-0.36, 0.3))
    pieces = [line(*top.at(Z0, 1.06), *below.at(Z0, -0.36), color="muted", dash="1 5"),
              text(top.at(Z0, 0)[0], 20, f"`z0 = {shown(Z0, 0)}`", color="three", bold=True),
              line(*top.at(across[0], 1), *top.at(across[1], 1), width=1),
              top.axes((), (0, 0.5, 1), digits=1), below.axes((), (-0.25, 0, 0.25), digits=2),
              below.axes(range(-6, 9, 2), ())]
    middle = np.abs(RATIOS - Z0).argmin()
    for good, color, name in SIDES:
        loss, slope = loss_and_slope(good)
        pieces += [top.curve(RATIOS, loss, color=color, width=3.5),
                   below.curve(RATIOS, slope, color=color),
                   dot(*below.at(Z0, slope[middle]), color=color, radius=5),
                   text(below.at(Z0, 0)[0] + 88, below.at(0, slope[middle])[1],
                        f"steepest: `{shown(slope[middle])}`", color=color),
                   text(*top.at(-5.8 if good else 7.8, 0.82), name, color=color, bold=True,
                        anchor="start" if good else "end")]
    pieces += [text(6, 20, "loss", anchor="start"), text(6, 226, "slope", anchor="start"),
               text(466, 440, "log-ratio: the model's less the reference's", color="muted",
                    anchor="end")]
    return figure(
        456, "KTO: what a text lacks, and its slope",
        "A good text is to be above z0, a bad one below it: far above, or below, it costs nearly "
        "nothing. The loss is never more than the weight, here 1. So a text far on the wrong side "
        "is given up, and one far on the right side left alone. Both slopes are steepest at z0: a "
        "step raises the good text and lowers the bad one.", *pieces)


def loss_and_slope(good):
    """Return the loss of a text at each of RATIOS, and its slope: (N,), (N,)."""
    rows = []
    for ratio in RATIOS:
        loss, cache = kto.forward(
            np.array([ratio]), ref_logp=np.zeros(1), desirable=np.array([good]), z0=np.array(Z0),
            beta=1.0, lambda_d=1.0, lambda_u=1.0)
        rows.append([loss, kto.backward(1.0, cache)[0]])
    return np.transpose(rows)
