"""What a seed draws: each thing from a stream of its own, so that none disturbs another."""

import numpy as np

STREAMS = {
    "cotangent": 1,       # of a drawn example
    "rounding": 2,        # how the inputs are nudged
    "sizes": 3,           # of a drawn example
    "masks": 4,           # dropout, in training
    "initial values": 5,  # of the parameters, in training
    "batches": 6,         # the places of the text, in training
    "torch masks": 7,     # dropout that torch draws itself
    "places": 8,          # the entries that an oracle looks at
    "direction": 9,       # of the adjoint test
    "wide sizes": 10,     # where float32 is held against the truth
    "start of recall": 40,   # initial values
    "texts of recall": 41,   # to learn from
    "tests of recall": 42,   # texts to measure on
    "prompts of lens": 50,   # and the others, without the key
    "copied digits": 60,  # tree_search: the demonstrations
    "typos": 61,          # in them
    "tree learner": 62,   # its initial values
    "searched": 63,       # the prompts whose answers are searched for
    "samples": 64,        # the answers of best-of-N
    "climbs": 65,         # the changes of hill-climbing
    "demonstrations": 30,       # policy_gradient: the sums, and which forget the carry
    "more demonstrations": 31,  # of the learner that goes on with them
    "answers": 32,              # the sums of each sampling, and the numbers that pick its answers
    "coins": 33,                # the reward that is random
    "three answers": 34,        # their probabilities and rewards, where all groups are gone through
    "habits": 20,         # preference: which symbol follows which in its language
    "language": 21,       # texts of that language
    "pairs": 22,          # pairs of texts, and which of the two is preferred
    "false labels": 23,   # which of the two is preferred, by a coin
    "best texts": 24,     # of the optimum
    "opponents": 25,      # texts of a model's own
    "shared words": 120,  # of the language that adaptation and quantize share
    "texts of the language": 121,
    "start of the language": 122,      # initial values
    "sequences of the language": 123,  # the places of the texts that are learned from
    "heard texts": 124,   # quantize: to measure on
    "even weights": 125,  # that are not normal
    "adapters of quantize": 126,
    "places of quantize": 127,
    "text to adapt to": 130,  # adaptation: its beginning is learned from
    "another text": 131,
    "scrambling": 132,    # of the first of them
    "adapters": 133,      # their initial values
    "places to adapt at": 134,
    "start of words": 70,     # word2vec: the initial values
    "sentences": 71,          # of the grid
    "noise words": 72,        # those drawn beside each pair
    "own contexts": 73,       # of each word where there are no attributes
    "thinning": 74,           # which words of the text are kept
    "places of words": 75,    # in the text, and the distances of their contexts
    "shuffled text": 76,      # its random order
    "labels": 80,             # selection: which belongs to which input
    "examples": 81,           # those that are offered
    "selecting learner": 82,  # its initial values
    "holdout examples": 83,   # of the other model
    "holdout learner": 84,    # its initial values
    "bytes": 90,                  # megabyte: the language, and its texts
    "start of megabyte": 91,      # the initial values of both models
    "shuffled patches": 92,       # their random order
    "start of positions": 100,    # initial values, of every kind the same
    "texts of positions": 101,    # to learn from
    "tests of positions": 102,    # texts to measure on
}


def seeds_of(seed, name):
    """Return the SeedSequence of one thing."""
    return np.random.SeedSequence([seed, STREAMS[name]])


def stream(seed, name):
    """Return the generator that draws one thing."""
    return np.random.default_rng(seeds_of(seed, name))
