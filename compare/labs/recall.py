"""A task that can be done only from what stands in the text, and the model that learns it.

A text is 6 pairs of a key and a value, of 4 different keys, each with one value that is drawn anew
for each text. Where a key comes again, its value can be told, and only there a target counts.
The labs induction and lens look at the trained model.
"""

from typing import NamedTuple

import numpy as np

from reference.gpt import Config
from reference.train import IGNORED, Schedule

from ..layers.streams import stream
from ..progress import waiting
from .learners import LEARNERS, drawn_params

PAIRS = 6      # of a text, a key and a value each
KEYS = 4       # different ones of a text
SYMBOLS = 8    # keys are 0 .. 7, values 8 .. 15
BATCH = 64
STEPS = 600     # in which the learning rate falls, or rounding would part both sides


class Texts(NamedTuple):
    """Texts of the task."""

    tokens: np.ndarray   # (N, 2 PAIRS), keys at the even positions
    targets: np.ndarray  # (N, 2 PAIRS), the value where its key has come before, else -100


def draw_texts(rng, count):
    """Return so many texts, drawn from the generator."""
    keys = rng.permuted(np.tile(np.arange(SYMBOLS), (count, 1)), axis=1)[:, :KEYS]
    values = rng.integers(SYMBOLS, 2 * SYMBOLS, (count, KEYS))
    order = rng.integers(0, KEYS, (count, PAIRS))
    tokens = np.stack([np.take_along_axis(of, order, 1) for of in (keys, values)], 2)
    tokens = tokens.reshape(count, 2 * PAIRS)                            # (N, 2 PAIRS)
    targets = np.full_like(tokens, IGNORED)
    targets[:, ::2] = np.where(come_before(tokens[:, ::2]), tokens[:, 1::2], IGNORED)
    return Texts(tokens, targets)


def come_before(ids):
    """Return whether each id stands further left in its row, too: (N, T) -> (N, T)."""
    return np.tril(ids[:, :, None] == ids[:, None], -1).any(-1)


def untrained_model(seed, n_layer=2, stem="attention_only", std=0.1):
    """Return the config and the initial parameters of a model, which the seed draws."""
    config = Config(2 * SYMBOLS, 2 * PAIRS, n_layer, n_head=1, n_embd=32)
    return config, drawn_params(config, stream(seed, "start of recall"), stem, std)


def learners_over(side, seed, steps, n_layer=2, stem="attention_only", std=0.1):
    """Yield the learner and its loss after each update, from 1 to steps.

    It is one and the same learner each time. The seed draws its start and the texts, so both sides
    learn the same, and models of several kinds learn from the same texts.
    """
    config, start = untrained_model(seed, n_layer, stem, std)
    schedule = Schedule(steps=steps, lr=3e-3, min_lr=1e-4, warmup=0, weight_decay=0.0,
                        decay_steps=STEPS)
    learner = LEARNERS[side](config, start, schedule, stem)
    rng = stream(seed, "texts of recall")
    for _ in waiting.over(range(steps), lambda step: f"step {step + 1} of {steps}"):
        yield learner, learner.imitate(*draw_texts(rng, BATCH))


def trained(side, seed, steps=STEPS):
    """Return the learner that the labs look at: two blocks of attention alone."""
    for learner, _ in learners_over(side, seed, steps):
        pass
    return learner
