"""The picture of sequence_logp: a bar a token, the sum of those that count, and its gradient."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from reference.labs import sequence_logp

from ...svg import bars, figure, line, rect, shown, text

TOKENS = ("a", "b", ":", "b", "a", "end", "fill")  # turn "ab" round
COUNTED = np.array([False, False, False, True, True, True, False])
LOGP = np.array([-1.25, -0.75, -0.5, -1.5, -0.75, -0.25, -1.0])  # of each token
LEFT, STEP, UNIT = 20, 63, 62
ABOVE, BELOW = 92, 356  # the level 0 of the two rows of bars


class Scored(NamedTuple):
    """What sequence_logp makes of a text of T tokens."""

    each: Array    # (T,), the log-probability of each token, counted alone
    logp: float    # of the text
    slopes: Array  # (T,), of logp in the logit of each token


def draw():
    """Return the Figure."""
    found, middle = scored(), [LEFT + (t + 0.5) * STEP for t in range(len(TOKENS))]
    first, last = LEFT + STEP * COUNTED.argmax(), LEFT + STEP * (COUNTED.nonzero()[0][-1] + 1)
    pieces = [
        *(text((LEFT + STEP * a + LEFT + STEP * b) / 2, 16, words, color=color)
          for a, b, words, color in [(0, 3, "the prompt", "muted"), (3, 6, "the answer", "one")]),
        rect(first, 32, last - first, 34, fill="one", opacity=0.15, corner=6),
        *(text(x, 49, f"`{token}`", bold=bool(counts), color="ink" if counts else "muted")
          for x, token, counts in zip(middle, TOKENS, COUNTED)),
        *(bars(LEFT + t * STEP, ABOVE, [q], STEP, UNIT, color="one" if COUNTED[t] else "line")
          for t, q in enumerate(found.each)),
        text(6, 78, "log-probability of each", anchor="start", color="muted"),
        line(first, 222, last, 222, color="one", width=2.5),
        text((first + last) / 2, 242, f"these add up to `{shown(found.logp)}`", color="one",
             bold=True),
        text(6, BELOW - 84, "slope of the sum in the logit of the token", anchor="start",
             color="muted"),
        *(bars(LEFT + t * STEP, BELOW, [slope], STEP, UNIT, color="three")
          for t, slope in enumerate(found.slopes))]
    return figure(
        BELOW + 16, "The log-probability of a text: a sum over the tokens that count",
        "A bar hangs by the log-probability of its token. Those of the answer and of its end are "
        "added up. The prompt and the filling have a log-probability, too, but it does not count. "
        "So they have no gradient. A token that counts has 1 less its probability: the less it "
        "was expected, the more.", *pieces)


def scored():
    """Return the Scored of the example; a second logit is what LOGP leaves to all other tokens."""
    T = len(LOGP)
    logits = np.stack([LOGP, np.log(1 - np.exp(LOGP))], -1)                    # (T, V)
    each, _ = sequence_logp.forward(                                           # (T,)
        np.tile(logits, (T, 1, 1)), np.zeros((T, T), int), counted=np.eye(T, dtype=bool))
    logp, cache = sequence_logp.forward(
        logits[None], np.zeros((1, T), int), counted=COUNTED[None])            # (1,)
    return Scored(each, logp[0], sequence_logp.backward(np.ones(1), cache)[0, :, 0])
