"""The picture of cross_entropy: the gradient is the probabilities less the one-hot target."""

import numpy as np

from reference import cross_entropy

from ...svg import bars, figure, line, rect, shown, text

LETTERS, TARGET = "aeiou", 1
LEFT, STEP, UNIT = 100, 74, 130
ABOVE, BELOW = 168, 300  # the level 0 of the two rows of bars


def draw():
    """Return the Figure."""
    logits = np.log([[10.0, 30.0, 5.0, 40.0, 15.0]])            # (1, V)
    _, cache = cross_entropy.forward(logits, np.array([TARGET]))
    probs = cache.probs[0]                                      # (V,)
    dlogits = cross_entropy.backward(1.0, cache)[0]             # (V,)
    x, wide = LEFT + (TARGET + 0.15) * STEP, 0.7 * STEP
    missing = UNIT * (1 - probs[TARGET])
    pieces = [
        rect(x, ABOVE - UNIT, wide, missing, fill="two", opacity=0.2),
        rect(x, ABOVE - UNIT, wide, UNIT, edge="two", edge_width=2),
        text(x + wide / 2, ABOVE - UNIT - 16, "the token that came: 1", color="two"),
        text(x + wide + 8, ABOVE - UNIT + missing / 3, f"missing: `{shown(1 - probs[TARGET])}`",
             color="two", anchor="start"),
        bars(LEFT, ABOVE, probs, STEP, UNIT),
        bars(LEFT, BELOW, dlogits, STEP, UNIT, below="two"),
        *(text(LEFT + (i + 0.5) * STEP, ABOVE + 18, letter, bold=i == TARGET)
          for i, letter in enumerate(LETTERS)),
        text(6, ABOVE - 12, "`probs`", anchor="start"),
        text(6, BELOW - 34, "`dlogits`", anchor="start"),
        text(6, BELOW - 12, "= `probs`", anchor="start"),
        text(6, BELOW + 10, "\u2212 one-hot", anchor="start"),
        line(x + wide + 14, BELOW + 46, 470, BELOW + 46),
        text(470, BELOW + 68, f"all five sum to `{shown(dlogits.sum())}`", color="three", bold=True,
             anchor="end")]
    return figure(
        BELOW + 118, "Cross-entropy: the gradient is the probabilities less the one-hot target",
        "What the target lacks of 1 hangs down as its gradient. Every other token's gradient is "
        "its own probability. A step against it lifts the target's logit and lowers the others, "
        "by as much in all. With several tokens each row is divided by their number.", *pieces)
