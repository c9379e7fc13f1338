"""word2vec: both sides alike, what is drawn and kept, and that a query's words don't answer it."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reference.labs import skip_gram, word2vec
from reference.tools import tree
from strategies import seeds
from torch_impl.labs import word2vec as theirs


def on_both(name, *arrays, **options):
    """Return what the NumPy side makes of arrays, once torch has made the same."""
    ours = getattr(word2vec, name)(*arrays, **options)
    other = getattr(theirs, name)(*map(torch.from_numpy, arrays), **options)
    np.testing.assert_allclose(ours, other, rtol=1e-12)
    return ours


@given(st.lists(st.integers(1, 1000), min_size=2, max_size=9), st.sampled_from([1e-3, 0.1, 1.0]))
def test_the_share_that_is_kept_falls_with_the_frequency_and_is_one_up_to_most(counts, most):
    counts = np.array(counts)
    kept, share = on_both("kept_share", counts, most=most), counts / counts.sum()
    np.testing.assert_array_equal(kept == 1, share <= most)
    above = share > most  # what is kept of these is the share sqrt(most * share) of the text
    np.testing.assert_allclose((kept * share)[above], np.sqrt(most * share[above]))


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=9).filter(any))
def test_a_word_is_drawn_as_often_as_its_count_to_three_quarters_says(counts):
    share = on_both("noise_share", np.array(counts))
    np.testing.assert_allclose(share.sum(), 1)
    for count, drawn in zip(counts, share):
        np.testing.assert_allclose(drawn * sum(n ** 0.75 for n in counts), count ** 0.75)
    np.testing.assert_array_equal(on_both("noise_share", np.array(counts), power=0) * len(counts), 1)


@given(seeds)
def test_the_nearest_come_first_and_those_of_the_query_last(seed):
    rng = np.random.default_rng(seed)
    vectors = on_both("unit", rng.standard_normal((8, 3)))
    excluded = np.stack([rng.permutation(8)[:2] for _ in range(4)])
    wanted = rng.standard_normal((4, 3))
    for query, out, found in zip(wanted, excluded, on_both("ranked", vectors, wanted, excluded)):
        assert sorted(found[-2:]) == sorted(out)
        assert (np.diff(vectors[found[:-2]] @ query) <= 0).all()


def test_vectors_become_of_length_1_along_the_last_axis_and_the_argument_stays():
    vectors = np.arange(1.0, 25).reshape(2, 4, 3)
    kept = vectors.copy()
    np.testing.assert_allclose((on_both("unit", vectors) ** 2).sum(-1), np.ones((2, 4)))
    np.testing.assert_array_equal(vectors, kept)


def test_the_words_of_a_question_are_never_its_answer():
    """Here b, and then c, is nearer to b - a + c than any other word is."""
    vectors = word2vec.unit(np.array([[1.0, 3], [2, 3], [1, 2], [5, 2], [-1, 0]]))
    asked = np.array([[0, 1, 2], [0, 2, 1]])
    wanted = vectors[[1, 2]] - vectors[0] + vectors[[2, 1]]
    assert (wanted @ vectors.T).argmax(1).tolist() == [1, 1]
    assert on_both("answers", vectors, asked).tolist() == [3, 3]


def test_both_losses_are_those_of_skip_gram_and_the_start_is_drawn():
    config = word2vec.Config(vocab_size=50, n_embd=40)
    p = word2vec.init(config, np.random.default_rng(0), std=0.5)
    assert {a.shape for a in tree.leaves(p)} == {(50, 40)}
    assert all(abs(a.std() - 0.5) < 0.05 for a in tree.leaves(p))
    assert abs(np.mean(p.word.weight * p.context.weight)) < 0.05
    ids = np.array([0, 1]), np.array([2, 2]), np.array([[3], [4]])
    loss, grads = word2vec.loss_and_grad(*ids, p, config=config)
    other, cache = skip_gram.forward(*ids, p)
    assert loss == other
    for ours, right in zip(tree.leaves(grads), tree.leaves(skip_gram.backward(1.0, cache))):
        np.testing.assert_array_equal(ours, right)


@pytest.mark.parametrize("call, error, words", [
    (lambda: word2vec.kept_share(np.array([1, 0]), most=0.1), ValueError, "the least of counts is 0"),
    (lambda: word2vec.kept_share(np.array([1]), most=0), ValueError, "most is 0; allowed: a finite"),
    (lambda: word2vec.kept_share(np.array([], int), most=1), ValueError, "counts has shape"),
    (lambda: word2vec.noise_share(np.array([], int)), ValueError, "counts has shape"),
    (lambda: word2vec.answers(np.eye(3), np.array([[0, 1, 3]])), IndexError, "holds the id 3"),
    (lambda: word2vec.ranked(np.eye(3), np.eye(3)[:1], np.array([[-1]])), IndexError, "excluded"),
])
def test_what_is_out_of_range_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
