"""The text, the split, the batches and the bigram baseline."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.text import corpus


def test_the_default_corpus_is_pythons_language_reference():
    text = corpus.read_text()
    assert len(text) > 300_000 and "lambda" in text
    assert text == corpus.read_text()


def test_files_that_cannot_be_read_are_refused(tmp_path):
    wrong = tmp_path / "latin.txt"
    wrong.write_bytes("caf\u00e9".encode("latin-1"))
    with pytest.raises(ValueError, match="byte 3 is not UTF-8; allowed: a UTF-8 file"):
        corpus.read_text(wrong)
    with pytest.raises(ValueError, match="can't be read .*; allowed: a UTF-8 file"):
        corpus.read_text(tmp_path / "missing.txt")


@given(st.integers(1, 300), st.integers(1, 20))
def test_the_split_is_whole_or_refused(length, block_size):
    ids = np.arange(length)
    if length - length * 9 // 10 > block_size and length * 9 // 10 > block_size:
        train, valid = corpus.train_and_validation(ids, block_size)
        np.testing.assert_array_equal(np.concatenate([train, valid]), ids)
        assert len(train) == length * 9 // 10
    else:
        with pytest.raises(ValueError, match=f"text has {length} tokens, .*block_size"):
            corpus.train_and_validation(ids, block_size)


@given(st.integers(2, 50), st.integers(1, 5), st.integers(0, 99))
def test_targets_are_the_tokens_one_later(length, batch_size, seed):
    ids, block_size = np.arange(length), max(1, length // 3)
    draws = corpus.batches(ids, block_size=block_size, batch_size=batch_size,
                         rng=np.random.default_rng(seed))
    tokens, targets = next(draws)
    assert tokens.shape == targets.shape == (batch_size, block_size)
    np.testing.assert_array_equal(targets, tokens + 1)


@given(st.integers(2, 60), st.integers(1, 7), st.integers(1, 4))
def test_windows_cover_the_text_once(length, block_size, batch_size):
    pairs = list(corpus.windows(np.arange(length), block_size=block_size, batch_size=batch_size))
    seen = [t for tokens, targets in pairs for t in tokens.ravel()]
    assert seen == list(range((length - 1) // block_size * block_size))
    assert all((targets == tokens + 1).all() for tokens, targets in pairs)


def test_the_bigram_loss_counts_pairs():
    # after 0 comes 1 twice (one added: 3 of 4), after 1 comes 0 twice (3 of 4)
    loss = corpus.bigram_loss(np.array([0, 1, 0, 1, 0]), np.array([0, 1, 1]), 2)
    assert math.isclose(loss, -(math.log(3 / 4) + math.log(1 / 4)) / 2)
