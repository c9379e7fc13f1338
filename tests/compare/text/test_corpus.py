"""The text, the split, the batches and the bigram baseline."""

import codecs
import math
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chance import is_chance
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


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_a_text_of_utf_16_is_refused_by_its_byte_order_mark(tmp_path, encoding):
    (tmp_path / "wide.txt").write_bytes("\ufeffto be".encode(encoding))
    with pytest.raises(ValueError, match="wide.txt, which begins with the byte order mark of UTF-16; "
                                         "allowed: a UTF-8 file"):
        corpus.read_text(tmp_path / "wide.txt")


@given(st.text())
def test_a_byte_order_mark_is_no_part_of_the_text(text):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "text.txt")
        path.write_bytes(text.encode("utf-8"))
        plain = path.read_text(encoding="utf-8")
        assert corpus.read_text(path) == plain.removeprefix("\ufeff")
        path.write_bytes(codecs.BOM_UTF8 + text.encode("utf-8"))
        assert corpus.read_text(path) == plain


@given(st.integers(1, 300), st.integers(1, 20))
@example(20, 2)  # just a block, without its last target
@example(30, 2)
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


@given(st.integers(2, 12), st.integers(1, 11), st.integers(1, 3), st.integers(0, 99))
def test_every_start_is_drawn_and_no_other(length, block_size, batch_size, seed):
    block_size = min(block_size, length - 1)
    draws = corpus.batches(np.arange(length), block_size=block_size, batch_size=batch_size,
                           rng=np.random.default_rng(seed))
    # one of 11 starts is missed by 300 draws with a chance below 1e-11
    starts = {start for _ in range(300) for start in next(draws)[0][:, 0].tolist()}
    assert starts == set(range(length - block_size))


@pytest.mark.parametrize("length, block_size, batch_size", [(7, 5, 3), (40, 8, 40)])
def test_every_start_is_as_likely_and_the_rows_are_independent(length, block_size, batch_size):
    starts, count = length - block_size, 4000
    draws = corpus.batches(np.arange(length), block_size=block_size, batch_size=batch_size,
                           rng=np.random.default_rng(0))
    drawn = np.array([next(draws)[0][:, 0] for _ in range(count)])           # (count, B)
    assert is_chance(np.bincount(drawn.ravel(), minlength=starts), drawn.size / starts)
    # the first row of a batch beside its next one, and beside itself a batch later
    for other in drawn[:, 1], np.roll(drawn[:, 0], -1):
        pairs = np.bincount(drawn[:, 0] * starts + other, minlength=starts**2)
        assert is_chance(pairs, count / starts**2)


@given(st.integers(2, 60), st.integers(1, 7), st.integers(1, 4))
def test_windows_cover_the_text_once(length, block_size, batch_size):
    pairs = list(corpus.windows(np.arange(length), block_size=block_size, batch_size=batch_size))
    seen = [t for tokens, targets in pairs for t in tokens.ravel()]
    assert seen == list(range(length - 1))  # what follows the last is not known
    shapes = [tokens.shape for tokens, _ in pairs]
    blocks, rest = divmod(length - 1, block_size)
    assert shapes == [(min(batch_size, blocks - start), block_size)
                      for start in range(0, blocks, batch_size)] + [(1, rest)] * (rest > 0)
    assert all(np.array_equal(targets, tokens + 1) for tokens, targets in pairs)


def test_the_bigram_loss_counts_pairs():
    # one added: after 0 comes 2 once of 5 times, after 2 comes 1 once of 4
    loss = corpus.bigram_loss(np.array([0, 1, 1, 2, 0, 1]), np.array([0, 2, 1]), 3)
    assert math.isclose(loss, -(math.log(1 / 5) + math.log(1 / 4)) / 2, rel_tol=1e-15)


@given(st.integers(1, 9), st.integers(2, 60), st.integers(2, 30), st.integers(0, 99))
def test_the_bigram_loss_is_that_of_the_whole_table(V, train_length, valid_length, seed):
    rng = np.random.default_rng(seed)
    train, valid = rng.integers(0, V, train_length), rng.integers(0, V, valid_length)
    table = np.ones((V, V))
    for pair in zip(train, train[1:]):
        table[pair] += 1
    losses = [-math.log(table[a, b] / table[a].sum()) for a, b in zip(valid, valid[1:])]
    # both round each logarithm, and their sum, in another order
    assert math.isclose(corpus.bigram_loss(train, valid, V), math.fsum(losses) / len(losses),
                        rel_tol=1e-14, abs_tol=1e-14)


def test_the_bigram_loss_of_gpt2s_tokens_needs_no_table_of_all_pairs():
    V, rng = 50_257, np.random.default_rng(0)
    ids = rng.integers(0, V, 20_000)
    tracemalloc.start()
    try:
        loss = corpus.bigram_loss(ids, ids[:5000], V)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 0 < loss < math.log(V)  # of pairs that were seen
    assert most < 200 * len(ids) + 16 * V  # the table is 8 * V ** 2, 20 GB
