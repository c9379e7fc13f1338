"""The letters of the notation, each once: what it counts, and its size wherever one is needed.

A new letter is a row here. A layer with a letter that is not here is refused.
"""

import math
from typing import NamedTuple

from .streams import stream


class Letter(NamedTuple):
    """One dimension, and its sizes."""

    counts: str
    drawn: int        # checks and tests draw from 1 to this
    apart: int        # other than those of the other letters, so that shapes tell arrays apart
    study: int        # in the study of steps
    laptop: int       # of the preset laptop, at which the bytes of caches are counted
    book: int         # in the example whose numbers the book shows: few, that the eye can follow
    precision: tuple  # the least and the largest where float32 is held against the truth


LETTERS = {
    "B": Letter("sequences in a batch", 5, 2, 2, 12, 1, (1, 4)),
    "T": Letter("positions of a sequence", 5, 4, 4, 64, 3, (1, 256)),
    "S": Letter("block size, above T - 1", 2, 3, 1, 1, 2, (1, 4)),
    # of fewer channels, LayerNorm's dx is 0 but for rounding
    "C": Letter("channels", 5, 8, 6, 128, 4, (8, 1024)),
    "H": Letter("heads", 5, 3, 2, 4, 2, (1, 16)),
    "D": Letter("channels of a head", 5, 5, 3, 32, 2, (8, 64)),  # likewise, with one head
    "K": Letter("heads of keys and values, each for G heads of queries", 3, 2, 2, 2, 1, (1, 4)),
    "G": Letter("heads of queries that share a head of keys and values: H = K G", 3, 3, 2, 2, 2,
                (1, 4)),
    "P": Letter("pairs of channels that rope turns: D = 2 P", 3, 4, 2, 16, 2, (4, 32)),
    "Q": Letter("patches of a text: T = Q M", 3, 4, 2, 16, 3, (1, 32)),
    "F": Letter("hidden channels of an MLP", 5, 7, 5, 344, 5, (8, 1024)),
    "V": Letter("tokens of the vocabulary", 5, 7, 7, 65, 5, (1, 1024)),
    "L": Letter("blocks", 2, 2, 1, 4, 2, (1, 2)),
    "M": Letter("bytes of a patch; words drawn beside each pair of skip-gram", 4, 3, 3, 5, 2,
                (1, 8)),
    "I": Letter("features into a linear layer", 5, 5, 4, 128, 3, (1, 1024)),
    "O": Letter("features out of a linear layer", 5, 6, 5, 128, 2, (1, 1024)),
    "R": Letter("rank of an adapter; runs of a scaling law", 5, 9, 4, 15, 4, (1, 64)),
}


def sizes(letters, which):
    """Return the size of each letter, by letter, such as those named "laptop"."""
    return {letter: getattr(LETTERS[letter], which) for letter in letters}


def draw_sizes(letters, seed):
    """Return a size for each letter, from 1 up, that the seed draws."""
    rng = stream(seed, "sizes")
    return {letter: int(rng.integers(1, LETTERS[letter].drawn + 1)) for letter in letters}


def draw_wide_sizes(letters, seed, least, most):
    """Return sizes for the check of float32: log-uniform, but with seed 0 the largest.

    least may raise the least size of a letter, most set another largest one.
    """
    rng = stream(seed, "wide sizes")

    def draw(low, high):
        return int(math.exp(rng.uniform(math.log(low), math.log(high + 1))))

    ranges = {letter: LETTERS[letter].precision for letter in letters}
    ends = {letter: (least.get(letter, low), most.get(letter, high))
            for letter, (low, high) in ranges.items()}
    return {letter: draw(low, high) if seed else high for letter, (low, high) in ends.items()}


def composed(sizes):
    """Return sizes with what they make up: H = K G, D = 2 P, C = H D, T = Q M."""
    n = dict(sizes)
    if "G" in n:
        n["H"] = n["K"] * n["G"]
    if "P" in n:
        n["D"] = 2 * n["P"]
    if "Q" in n:
        n["T"] = n["Q"] * n["M"]
    if "D" in n:
        n["C"] = n["H"] * n["D"]
    return n


def in_words(sizes):
    """Return sizes in words: "B = 2, T = 3". S, drawn above T - 1, is the whole block size."""
    if "S" in sizes:
        sizes = sizes | {"S": sizes["S"] + sizes["T"] - 1}
    return ", ".join(f"{letter} = {size}" for letter, size in sizes.items())
