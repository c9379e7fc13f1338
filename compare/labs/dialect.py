"""A language whose texts share some words, and each has words of its own; and the model that
learns it, which the labs adaptation and quantize look at.

What is learned of many texts helps with a new one, and leaves its own words to be learned.
"""

import functools

import numpy as np

from reference import cross_entropy
from reference.gpt import Config
from reference.train import Schedule

from ..layers.streams import stream
from ..progress import waiting
from ..text.corpus import batches
from .learners import LEARNERS, drawn_params

LETTERS = " aeioubdgklmnprst"  # by id: the space, 5 vowels, 11 consonants
SHARED, OWN = 60, 12     # words of the language, and those that a text has besides
TEXTS, LENGTH = 400, 300  # that are learned from, and the words in each
T, BATCH = 32, 8         # letters of a sequence, sequences of an update
STEPS = 600              # in which the rate falls, or rounding would part both sides
CONFIG = Config(len(LETTERS), T, n_layer=2, n_head=2, n_embd=32)


class Language:
    """The language that a seed draws."""

    def __init__(self, seed):
        self.seed = seed
        self.words = draw_words(stream(seed, "shared words"), SHARED)

    def text(self, rng, length):
        """Return the ids of a text of so many words: half are the language's, half its own."""
        own = draw_words(rng, OWN)
        often = 1 / np.arange(1, SHARED + 1)  # a few of the shared words make up much of a text
        shared = rng.choice(SHARED, length, p=often / often.sum())
        others, is_own = rng.integers(0, OWN, length), rng.random(length) < 0.5
        return np.array([letter for i in range(length) for letter in
                         (own[others[i]] if is_own[i] else self.words[shared[i]])])

    @functools.cached_property
    def texts(self):
        """The ids of many texts, one behind the other."""
        rng = stream(self.seed, "texts of the language")
        return np.concatenate([self.text(rng, LENGTH) for _ in range(TEXTS)])

    def trained(self, side, steps):
        """Return a learner that has learned from the texts, and its losses."""
        start = drawn_params(CONFIG, stream(self.seed, "start of the language"), std=0.1)
        schedule = Schedule(steps=steps, lr=5e-3, min_lr=1e-4, warmup=20, weight_decay=0.0,
                            decay_steps=STEPS)
        learner = LEARNERS[side](CONFIG, start, schedule)
        drawn = batches(self.texts, block_size=T, batch_size=BATCH,
                        rng=stream(self.seed, "sequences of the language"))
        steps = waiting.over(range(steps), "learning the language, step {}".format)
        return learner, [learner.imitate(*next(drawn)) for _ in steps]


def draw_words(rng, count):
    """Return different words of one to three syllables, as ids, each with a space behind it."""
    words = []
    while len(words) < count:
        syllables = rng.integers([6, 1], [17, 6], (rng.integers(1, 4), 2))  # of two letters
        word = [*syllables.ravel().tolist(), 0]
        if word not in words:
            words.append(word)
    return words


def in_letters(ids):
    """Return ids as letters."""
    return "".join(LETTERS[i] for i in ids)


def loss_on(learner, ids):
    """Return a learner's mean loss on a text, cut into sequences."""
    whole = (len(ids) - 1) // T * T
    logits = learner.logits(ids[:whole].reshape(-1, T))
    return float(cross_entropy.forward(logits, ids[1:whole + 1].reshape(-1, T))[0])
