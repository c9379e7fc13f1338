"""The picture of AdamW: what past gradients weigh, and what the correction does at first."""

import numpy as np

from reference import adamw

from ...svg import Plot, dot, figure, line, rect, shown, text

STEPS, MEAN = 30, 1.0
BETAS = {"one": 0.9, "two": 0.99}


def draw():
    """Return the Figure."""
    sums = [shown(weights_after(STEPS, beta).sum()) for beta in BETAS.values()]
    return figure(
        680, "AdamW: the weights of past gradients, and the bias correction",
        f"Above: what the gradient of update s weighs in the mean at update {STEPS}. The weights "
        f"add up to {' and '.join(sums)}, not to 1, since the mean began at zero. Below: gradients "
        f"that scatter about {MEAN:g}, and their mean. Divided by the sum of its weights, it lies "
        f"about {MEAN:g} from the first update on.",
        _weights_of_the_past(sums), _bias_correction(*first_steps()))


def weights_after(t, beta):
    """Return what the gradients of updates 1 .. t weigh in the mean after them: (t,)."""
    return (1 - beta) * beta ** np.arange(t - 1, -1, -1.0)


def first_steps(beta=BETAS["one"]):
    """Return gradients, their running mean after each update, and the corrected mean."""
    rng = np.random.default_rng(4)
    gradients = MEAN + 0.3 * rng.standard_normal(STEPS)
    p, means = np.zeros(1), []
    state = adamw.init(p)
    for gradient in gradients:
        p, state = adamw.update(p, gradient[None], state, lr=0.1, beta1=beta)
        means.append(state.m[0])
    totals = [weights_after(t, beta).sum() for t in range(1, STEPS + 1)]
    return gradients, np.array(means), means / np.array(totals)       # (STEPS,) each


def _weights_of_the_past(sums):
    """Return the weights as bars, a colour a beta."""
    plot = Plot(64, 50, 396, 200, (0.5, STEPS + 0.5), (0, 0.1))
    pieces = [text(16, 20, "What past gradients weigh", anchor="start", bold=True),
              plot.axes([1, 10, 20, 30], []), text(262, 292, "update s", color="muted")]
    for v in 0.05, 0.1:
        x, y = plot.at(0.5, v)
        pieces += [line(x, y, x + plot.width, y, dash="2 5"),
                   text(x - 8, y, shown(v), color="muted", anchor="end")]
    for side, ((color, beta), total) in enumerate(zip(BETAS.items(), sums)):
        for i, weight in enumerate(weights_after(STEPS, beta), 1):
            (x, y), (_, ground) = plot.at(i - 0.4 + 0.4 * side, weight), plot.at(i, 0)
            pieces.append(rect(x, y, 0.4 * plot.width / STEPS, ground - y, fill=color))
        pieces.append(text(84, 84 + 28 * side, f"\u03b2 = {beta}: the sum is {total}", color=color,
                           anchor="start", bold=True))
    return "".join(pieces)


def _bias_correction(gradients, means, corrected):
    """Return the gradients as dots, and their mean as kept and as corrected."""
    updates = range(1, STEPS + 1)
    plot = Plot(64, 384, 396, 220, (0.5, STEPS + 0.5), (0, 1.8))
    dots = [dot(*plot.at(t, g), color="muted", radius=3) for t, g in zip(updates, gradients)]
    return "".join([
        text(16, 344, f"Their mean in the first updates, \u03b2 = {BETAS['one']}", anchor="start",
             bold=True),
        plot.axes([1, 10, 20, 30], [0, 1]), text(262, 648, "update t", color="muted"),
        line(*plot.at(0.5, MEAN), *plot.at(STEPS + 0.5, MEAN), dash="2 5"), *dots,
        plot.curve(updates, means, color="two"), plot.curve(updates, corrected, color="three"),
        text(*plot.at(9, 0.3), "as kept", color="two", anchor="start", bold=True),
        text(*plot.at(3, 1.32), "corrected", color="three", anchor="start", bold=True)])
