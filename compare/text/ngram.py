"""An n-gram that backs off: the strongest of the guesses that count, beside which a model stands.
"""

import numpy as np


def ngram_losses(train, valid, vocab_size, longest=8):
    """Return the mean losses on valid of n-grams counted on train, for n = 1 .. longest.

    The guess from a context is the share of each token that followed it, mixed with the guess from
    the context one shorter: with weights as many as the times that it came, c, and the number of
    different tokens that followed, d. Where it never came, the shorter one guesses alone; the
    shortest of all is 1 / vocab_size. All but the first token of valid are guessed.
    Source: Witten-Bell smoothing, as in Chen, Goodman, "An empirical study of smoothing techniques
    for language modeling" (1999).
    """
    ids = np.concatenate([train, valid])
    counted = np.arange(len(ids)) < len(train)
    before = np.concatenate([np.arange(len(train)), np.arange(len(valid))])  # how many tokens
    asked = ~counted & (before > 0)
    context, guess, losses = np.zeros(len(ids), np.int64), np.full(len(ids), 1 / vocab_size), []
    for n in range(1, longest + 1):
        inside = before >= n - 1               # where a context of n - 1 tokens fits
        event = numbered_anew(context * vocab_size + ids)
        came = how_often(event, counted & inside)             # of the token in it
        first = np.unique(np.where(counted & inside, event, -1), return_index=True)[1]
        new = np.zeros(len(ids), bool)
        new[first] = True
        c = how_often(context, counted & inside)
        d = how_often(context, counted & inside & new)
        mixed = (came + d * guess) / np.maximum(c + d, 1)
        guess = np.where(inside & (c > 0), mixed, guess)
        losses.append(-float(np.log(guess[asked]).mean()))
        context = numbered_anew(np.roll(ids, n) * (context.max() + 1) + context)
    return losses


def numbered_anew(numbers):
    """Return the same numbers as 0, 1, 2, ..., so that they stay small."""
    return np.unique(numbers, return_inverse=True)[1]


def how_often(numbers, where):
    """Return how often each number comes at the places where a mask says so."""
    return np.bincount(numbers[where], minlength=numbers.max() + 1)[numbers]
