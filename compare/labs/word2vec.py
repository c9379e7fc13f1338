"""The lab word2vec: vectors that answer analogies, on a grid of attributes and on a text."""

import re
from collections import Counter
from typing import NamedTuple

import numpy as np

from reference.labs.word2vec import Config
from reference.train import Schedule

from ..layers.streams import stream
from ..progress import waiting
from ..svg import Plot, dot, figure, path, text
from ..text.corpus import read_text
from .learners import LEARNERS, computed, drawn_params
from .run import Measured

NOISE, LR, STD = 5, 0.02, 0.1       # words drawn beside each pair; the first learning rate
VALUES, MARKERS, STRAY = 6, 3, 0.2  # of an attribute; of a value; the share of markers at random
GRID = Config(VALUES ** 2 + 2 * VALUES * MARKERS, 16)
GRID_PAIRS, GRID_DECAY = 256, 300   # pairs of an update; updates in which the rate falls
OFTEN, CHANNELS, WINDOW = 10, 32, 4  # times that a word must come; how far a context may be
TEXT_PAIRS, TEXT_DECAY = 512, 600   # as of the grid
MOST = 1e-3                         # words that are more of the text than this are thinned out
NEAR = 10                           # a plural is to be among so many nearest words
ASKED = "true", "import", "try", "integer", "bytes", "method"  # whose neighbours are shown
SHOWN, FEW, CORNER = 5, 4, 3        # neighbours of each, and in the picture; values in the picture
CAPTION = (
    "Above, nine words of three values (colours) of one attribute and three (numbers) of another, "
    "in the plane in which they spread most. Before, they lie anyhow. After, changing the number "
    "is about the same step in each colour: that step answers analogies. Below, what lies nearest "
    "to some words of the text.")


class PairSource(NamedTuple):
    """What an experiment learns from: pairs, and words to draw."""

    config: Config
    counts: np.ndarray  # (V,) how often each word is a context
    pairs: object       # rng -> (words, contexts)
    decay: int          # updates in which the learning rate falls


def vectors_of(side, seed, source, steps):
    """Return the vectors of the words at first and after the updates, and the losses."""
    params = drawn_params(source.config, stream(seed, "start of words"), "word2vec", STD)
    learner = LEARNERS[side](source.config, params, Schedule(
        steps=steps, lr=LR, min_lr=LR / 100, warmup=0, weight_decay=0.0,
        decay_steps=source.decay), "skip_gram")
    share, = computed(side, "word2vec", "noise_share", source.counts)
    rngs = stream(seed, "sentences"), stream(seed, "noise words")
    losses = []
    for _ in waiting.over(range(steps), lambda step: f"step {step + 1} of {steps}"):
        words, contexts = source.pairs(rngs[0])
        noise = noise_words(rngs[1], share, (len(words), NOISE))
        losses.append(learner.learn("word2vec", words, contexts, noise))
    return params.word.weight, learner.params.word.weight, losses


def noise_words(rng, share, shape):
    """Return ids that are drawn, each as often as its share says."""
    return np.searchsorted(np.cumsum(share), rng.random(shape)).clip(max=len(share) - 1)


def grid_source(marker_of):
    """Return the PairSource of sentences of two words: one of the grid, and a marker that marker_of
    names, from the word and 0 or 1. Each is the other's context."""
    def pairs(rng):
        word = rng.integers(0, VALUES ** 2, GRID_PAIRS // 2)
        value = marker_of[word, rng.integers(0, 2, len(word))]
        marker = VALUES ** 2 + value * MARKERS + rng.integers(0, MARKERS, len(word))
        stray = rng.integers(VALUES ** 2, GRID.vocab_size, len(word))
        marker = np.where(rng.random(len(word)) < STRAY, stray, marker)
        return np.concatenate([word, marker]), np.concatenate([marker, word])

    counts = np.ones(GRID.vocab_size, int)  # in the mean, words and markers come alike
    return PairSource(GRID, counts, pairs, GRID_DECAY)


def attributes():
    """Return the two values of each word of the grid, the second ones counted after the first:
    (36, 2)."""
    first, second = np.divmod(np.arange(VALUES ** 2), VALUES)
    return np.stack([first, VALUES + second], 1)


def questions():
    """Return every "a is to b as c is to d" in which both pairs differ in one attribute alike, and
    its d: (N, 3), (N,)."""
    i, j, k, l = np.indices(4 * (VALUES,)).reshape(4, -1)
    differ = (i != k) & (j != l)
    i, j, k, l = (a[differ] for a in (i, j, k, l))
    return np.stack([i * VALUES + j, i * VALUES + l, k * VALUES + j], 1), k * VALUES + l


def analogies_right(side, vectors):
    """Return the share of the questions that the vectors answer."""
    asked, right = questions()
    unit, = computed(side, "word2vec", "unit", vectors)
    answers, = computed(side, "word2vec", "answers", unit, asked)
    return float((answers == right).mean())


def of_grid(side, seed, steps):
    """Return numbers, losses and series of the grid, with attributes and without."""
    first, last, losses = vectors_of(side, seed, grid_source(attributes()), steps)
    own = stream(seed, "own contexts").integers(0, 2 * VALUES, (VALUES ** 2, 2))
    _, without, _ = vectors_of(side, seed, grid_source(own), steps)
    numbers = {f"analogies right, {name}": analogies_right(side, vectors) for name, vectors in
               (("attributes", last), ("untrained", first), ("no attributes", without))}
    return numbers, losses, {"untrained": in_plane(first), "trained": in_plane(last)}


def in_plane(vectors):
    """Return part of the grid in the plane in which it spreads most: (9, 2), as lists."""
    ids = [VALUES * i + j for i in range(CORNER) for j in range(CORNER)]
    part = vectors[ids] - vectors[ids].mean(0)
    _, _, directions = np.linalg.svd(part)
    points = part @ directions[:2].T
    points = points * np.where(points[0] < 0, -1, 1)  # the signs are the SVD's choice
    return [[float(f"{x:.4g}") for x in point] for point in points / np.abs(points).max()]


class Text(NamedTuple):
    """A text as ids."""

    vocabulary: list    # the words that come OFTEN, the most frequent first
    ids: np.ndarray     # the text, all others left out
    counts: np.ndarray  # (V,)

    @property
    def id_of(self):
        """The id of each word."""
        return {word: i for i, word in enumerate(self.vocabulary)}


def as_text(characters):
    """Return the Text of characters: its words are the runs of the letters a to z."""
    words = re.findall("[a-z]+", characters.lower())
    counts = {word: n for word, n in Counter(words).items() if n >= OFTEN}
    vocabulary = sorted(counts, key=lambda word: (-counts[word], word))
    if len(vocabulary) <= NEAR:
        raise ValueError(f"text has {len(vocabulary)} words that come {OFTEN} times or more; "
                         f"allowed: {NEAR + 1} or more")
    id_of = {word: i for i, word in enumerate(vocabulary)}
    return Text(vocabulary, np.array([id_of[word] for word in words if word in id_of]),
                np.array([counts[word] for word in vocabulary]))


def text_source(side, seed, words, thinned=True):
    """Return the PairSource of a Text: pairs of its words, up to WINDOW apart."""
    ids = words.ids
    if thinned:
        share, = computed(side, "word2vec", "kept_share", words.counts, most=MOST)
        ids = ids[stream(seed, "thinning").random(len(ids)) < share[ids]]
    steps = np.array([*range(-WINDOW, 0), *range(1, WINDOW + 1)])

    def pairs(rng):
        at = rng.integers(WINDOW, len(ids) - WINDOW, TEXT_PAIRS)
        return ids[at], ids[at + rng.choice(steps, TEXT_PAIRS)]

    return PairSource(Config(len(words.vocabulary), CHANNELS), words.counts, pairs, TEXT_DECAY)


def neighbours(side, vectors, ids):
    """Return the other words of each id, the nearest first: (N, V)."""
    unit, = computed(side, "word2vec", "unit", vectors)
    ids = np.array(ids)[:, None]
    return computed(side, "word2vec", "ranked", unit, unit[ids[:, 0]], ids)[0]


def plurals_near(side, vectors, words):
    """Return the share of words whose plural, the word and an s, is among the NEAR nearest."""
    pairs = plurals(words)
    ranks = neighbours(side, vectors, [singular for singular, _ in pairs])[:, :NEAR]
    return float((ranks == np.array([plural for _, plural in pairs])[:, None]).any(1).mean())


def plurals(words):
    """Return the ids of words of three letters or more and of their plurals."""
    id_of = words.id_of
    return [(i, id_of[word + "s"]) for word, i in id_of.items()
            if len(word) > 2 and word + "s" in id_of]


def of_text(side, seed, steps):
    """Return numbers, losses and series of the text, whole, thinned out or in random order."""
    words = as_text(read_text())
    mixed = words._replace(ids=stream(seed, "shuffled text").permutation(words.ids))
    first, last, losses = vectors_of(side, seed, text_source(side, seed, words), steps)
    found = {"text": last, "untrained": first,
             "random order": vectors_of(side, seed, text_source(side, seed, mixed), steps)[1],
             "not thinned": vectors_of(side, seed, text_source(side, seed, words, False), steps)[1]}
    numbers = {f"plural near, {name}": plurals_near(side, vectors, words)
               for name, vectors in found.items()}
    numbers |= {"words of the vocabulary": len(words.vocabulary),
                "words with a plural": len(plurals(words))}
    asked = [words.id_of[word] for word in ASKED if word in words.id_of]
    near = neighbours(side, last, asked)[:, :SHOWN]
    return numbers, losses, {words.vocabulary[i]: [words.vocabulary[j] for j in row]
                             for i, row in zip(asked, near)}


def experiment(side, seed, *, grid_steps, steps):
    """Return what one side measures from a seed."""
    numbers, losses, grid = of_grid(side, seed, grid_steps)
    of_words, more, near = of_text(side, seed, steps)
    return Measured(numbers | of_words, losses + more, {"grid": grid, "near": near})



def draw(log):
    """Return the Figure: part of the grid before and after, and the neighbours of some words."""
    series = log.measured[0].series
    pieces = []
    for x, name, words in (8, "untrained", "Before training"), (248, "trained", "After training"):
        pieces += [text(x, 16, words, anchor="start", bold=True),
                   part_of_grid(Plot(x + 12, 44, 200, 200, (-1, 1), (-1, 1)), series["grid"][name])]
    pieces.append(text(8, 284, "Nearest in the text", anchor="start", bold=True))
    for i, (word, near) in enumerate(series["near"].items()):
        y = 312 + 26 * i
        pieces += [text(96, y, word, anchor="end", color="one", bold=True),
                   text(112, y, ", ".join(near[:FEW]), anchor="start")]
    return figure(312 + 26 * len(series["near"]), "word2vec: a grid of attributes, and neighbours",
                  CAPTION, *pieces)


def part_of_grid(plot_, points):
    """Return nine words, those of one value joined by lines."""
    at = np.array([plot_.at(*point) for point in points]).reshape(CORNER, CORNER, 2)
    colors = "one", "two", "three"
    pieces = [path(column, color="line", dash="4 4") for column in at.swapaxes(0, 1)]
    pieces += [path(row, color=color) for color, row in zip(colors, at)]
    for color, row in zip(colors, at):
        for number, (x, y) in enumerate(row):
            pieces += [dot(x, y, color="paper", radius=10),
                       text(x, y, str(number + 1), color=color, bold=True)]
    return "".join(pieces)


def plot(log):
    """Return the neighbours of some words and the analogies that are right, in characters."""
    one = log.measured[0]
    lines = ["nearest in the text", ""]
    lines += [f"  {word:<9}{', '.join(near)}" for word, near in one.series["near"].items()]
    lines += ["", f"{'analogies on the grid':<27}right"]
    for name in "attributes", "no attributes", "untrained":
        share = one.numbers[f"analogies right, {name}"]
        lines.append(f"  {name:<15}{'#' * round(40 * share):<41}{share:.2f}")
    return "\n".join(lines)
