"""The loss that a run may be expected to end with, by a law that was fitted to recorded runs.

The runs, the law and its limits: reference/labs/scaling.md.
"""

from typing import NamedTuple

import numpy as np

from reference.gpt import Config
from reference.labs import scaling

from . import plan, sized_runs

LAW, HOW = "Kaplan", dict(delta=0.03, updates=80)
NEAR = 2  # times the largest size that was measured, or the least over it
CHARACTERS = 256  # tokens at most: with more, a token is no character


class Expected(NamedTuple):
    """A loss, and how far a law may be off it."""

    loss: float
    off: float    # a share of the loss: as far as on the size that the law has not seen
    guess: str    # why it is a guess, "" where it is none


def expected_loss(config, batch_tokens, tokens):
    """Return the Expected loss on the text of train, None where the law says nothing of a run: of
    another kind of model or of token, or no better than a guess among all tokens."""
    if type(config) is not Config or config.vocab_size > CHARACTERS:
        return None
    table = sized_runs.read_table()
    seen = [run for run in table if run.width != sized_runs.UNSEEN]
    unseen = [run for run in table if run.width == sized_runs.UNSEEN]
    theta = scaling.fit(logs_of(seen), scaling.LAWS[LAW], **HOW).theta
    runs = logs_of(unseen)
    off = scaling.predicted(theta, runs.log_n, runs.log_d) / np.exp(runs.log_loss) - 1
    loss, = scaling.predicted(theta, *np.log([[plan.parameters(config)], [tokens]]))
    if loss > np.log(config.vocab_size):
        return None
    return Expected(float(loss), float(np.abs(off).max()),
                    why_a_guess(config, batch_tokens, tokens, table))


def logs_of(runs):
    """Return what is fitted of SizedRuns."""
    return scaling.Runs(*np.log([[run.parameters, run.tokens, run.loss] for run in runs]).T)


def why_a_guess(config, batch_tokens, tokens, table):
    """Return in words how a run differs from those that the law was fitted to, or ""."""
    for name, value in ("parameters", plan.parameters(config)), ("tokens", tokens):
        some = [getattr(run, name) for run in table]
        if not min(some) / NEAR <= value <= NEAR * max(some):
            return f"the runs behind it had {min(some):,} to {max(some):,} {name}"
    own = config.n_layer, config.block_size, batch_tokens
    usual = sized_runs.BLOCKS, sized_runs.BLOCK, sized_runs.BATCH * sized_runs.BLOCK
    if own != usual or config.dropout:
        return "the runs behind it had L = {}, S = {}, {} tokens a step".format(*usual)
    return ""


def print_expected(config, batch_tokens, steps):
    """Print the loss that is expected of a run, where the law says anything of it."""
    found = expected_loss(config, batch_tokens, batch_tokens * steps)
    if found is None:
        return
    low, high = found.loss * (1 - found.off), found.loss * (1 + found.off)
    print(f"loss          {found.loss:>16.2f}  validation loss at the end, on the text of train")
    print(f"              {f'{low:.2f} to {high:.2f}':>16}  "
          + (f"a guess: {found.guess}" if found.guess else
             f"as a size that the law had not seen was up to {found.off:.1%} off"))
