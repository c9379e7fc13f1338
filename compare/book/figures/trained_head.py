"""A head of attention that is trained while the book is made, on words that keep to one vowel.

A word is two or three syllables, a consonant and a vowel each, and all its vowels are the same. So
the vowel after a consonant can't be guessed from that consonant: it stands earlier in the word.
"""

import functools
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from reference import gpt, train
from reference.tools import tree

VOWELS, CONSONANTS = "aeiou", "bcdkmnpt"
LETTERS = " " + VOWELS + CONSONANTS  # a letter's place is its id
SHOWN = "bikini banana"
SCHEDULE = train.Schedule(steps=300, lr=5e-3, min_lr=5e-4, warmup=10, weight_decay=0.01)


class TrainedHead(NamedTuple):
    """What the head does with the text SHOWN."""

    weights: Array  # (T, T)
    chances: Array  # (T, V), of each letter to be the next
    losses: list    # one a step


@functools.cache
def trained_head(seed=0):
    """Return the one head of a small GPT after its training, which takes about a second."""
    rng = np.random.default_rng(seed)
    config = gpt.Config(len(LETTERS), len(SHOWN), n_layer=1, n_head=1, n_embd=32)
    # GPT-2's deviation of 0.02 is for hundreds of channels: with 32 it is slow to begin
    p = tree.map(lambda a: 5 * a if a.ndim == 2 else a, gpt.init(config, rng))
    steps = list(train.train(p, _windows(rng, len(SHOWN)), config=config, schedule=SCHEDULE,
                             loss_and_grad=gpt.loss_and_grad))
    ids = np.array([[*map(LETTERS.index, SHOWN)]])                      # (1, T)
    logits, cache = gpt.forward(ids, steps[-1].params, config=config)
    e = np.exp(logits[0] - logits[0].max(-1, keepdims=True))            # (T, V)
    return TrainedHead(cache.blocks[0].attention.weights[0, 0], e / e.sum(-1, keepdims=True),
                       [step.loss for step in steps])


def _windows(rng, T, B=16):
    """Yield batches as reference.train takes them: (B, T), (B, T), None."""
    ids = np.array(_drawn_words(rng, 1000))
    while True:
        places = rng.integers(0, len(ids) - T, (B, 1)) + np.arange(T)   # (B, T)
        yield ids[places], ids[places + 1], None


def _drawn_words(rng, count):
    """Return the ids of words, a space after each."""
    found = []
    for vowel, syllables in zip(rng.choice([*VOWELS], count), rng.integers(2, 4, count)):
        consonants = rng.choice([*CONSONANTS], syllables)
        found += map(LETTERS.index, "".join(c + vowel for c in consonants) + " ")
    return found


def recalling(words):
    """Return (t, places) of each consonant inside of a word, and of the vowels before it there."""
    found, vowels = [], []
    for t, letter in enumerate(words):
        if letter in VOWELS:
            vowels.append(t)
        elif letter == " ":
            vowels = []
        elif vowels:
            found.append((t, tuple(vowels)))
    return found
