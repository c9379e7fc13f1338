"""The n-gram that backs off, against counts in dictionaries."""

import collections
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from compare.text import corpus
from compare.text.ngram import ngram_losses


def guess(token, context, followers, V):
    """The probability of a token after a context, by the definition."""
    if context is None:
        return 1 / V
    shorter = guess(token, context[1:] if context else None, followers, V)
    seen = followers[context]
    c, d = sum(seen.values()), len(seen)
    return (seen[token] + d * shorter) / (c + d) if c else shorter


@given(st.integers(1, 5), st.integers(1, 40), st.integers(2, 20), st.integers(1, 5),
       st.integers(0, 99))
def test_the_loss_is_that_of_the_definition(V, train_length, valid_length, longest, seed):
    rng = np.random.default_rng(seed)
    train, valid = (rng.integers(0, V, n).tolist() for n in (train_length, valid_length))
    followers = collections.defaultdict(collections.Counter)
    for i, token in enumerate(train):
        for start in range(max(0, i - longest), i + 1):
            followers[tuple(train[start:i])][token] += 1
    found = ngram_losses(np.array(train), np.array(valid), V, longest)
    for n, loss in enumerate(found, 1):
        truth = [-math.log(guess(token, tuple(valid[max(0, i - n + 1):i]), followers, V))
                 for i, token in enumerate(valid) if i]
        assert math.isclose(loss, math.fsum(truth) / len(truth), rel_tol=1e-12, abs_tol=1e-12)


@given(st.integers(0, 99), st.integers(1, 4))
def test_the_guesses_of_all_tokens_sum_to_1(seed, longest):
    rng = np.random.default_rng(seed)
    train, context = rng.integers(0, 3, 30), rng.integers(0, 3, 5)
    likely = [math.exp(-5 * ngram_losses(train, np.append(context, token), 3, longest)[-1]
                       + 4 * (ngram_losses(train, context, 3, longest)[-1])) for token in range(3)]
    assert math.isclose(sum(likely), 1, rel_tol=1e-12)


def test_on_a_text_it_is_far_below_the_table_of_pairs():
    text = np.array([*map(ord, "the cat sat on the mat and the dog sat on the log. " * 40)])
    train, valid = corpus.train_and_validation(text, 8)
    assert min(ngram_losses(train, valid, 256)) < corpus.bigram_loss(train, valid, 256) / 10
