"""selection: both sides alike, the gradient's length against that of cross_entropy, the choice."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reference import cross_entropy
from reference.labs import selection
from strategies import seeds
from torch_impl.labs import selection as theirs


def on_both(name, *arrays, **options):
    """Return what the NumPy side makes of arrays, once torch has made the same."""
    ours = getattr(selection, name)(*arrays, **options)
    other = getattr(theirs, name)(*(torch.from_numpy(a.copy()) for a in arrays), **options)
    np.testing.assert_allclose(ours, other, rtol=1e-11)
    return ours


@given(seeds, st.integers(1, 6), st.integers(2, 6), st.sampled_from([0.1, 3.0]))
def test_the_scores_are_each_example_s_loss_and_the_length_of_its_gradient(seed, B, V, scale):
    rng = np.random.default_rng(seed)
    logits, labels = scale * rng.standard_normal((B, V)), rng.integers(0, V, B)
    logits.flags.writeable = False  # it belongs to the caller
    losses, norms = on_both("losses", logits, labels), on_both("gradient_norms", logits, labels)
    for b in range(B):
        loss, cache = cross_entropy.forward(logits[b:b + 1], labels[b:b + 1])
        np.testing.assert_allclose(losses[b], loss, rtol=1e-12)
        dlogits = cross_entropy.backward(1.0, cache)
        np.testing.assert_allclose(norms[b], math.sqrt((dlogits ** 2).sum()), rtol=1e-10)
    lacking = 1 - np.exp(-losses)
    assert (lacking <= norms * (1 + 1e-12)).all()
    assert (norms <= math.sqrt(2) * lacking * (1 + 1e-12)).all()


def test_extreme_logits_give_finite_scores():
    logits = np.array([[1e4, 0.0], [1e4, 0.0]])
    np.testing.assert_array_equal(on_both("losses", logits, np.array([0, 1])), [0, 1e4])
    np.testing.assert_allclose(selection.gradient_norms(logits, np.array([0, 1])), [0, math.sqrt(2)])


@given(st.lists(st.integers(0, 4), min_size=1, max_size=9), st.data())
def test_the_highest_are_chosen_and_of_equal_ones_the_first(scores, data):
    count = data.draw(st.integers(1, len(scores)))
    chosen = on_both("highest", np.array(scores, float), count=count).tolist()
    assert chosen == sorted(range(len(scores)), key=lambda b: (-scores[b], b))[:count]


def test_what_the_other_model_finds_improbable_too_is_not_chosen():
    loss, other = np.array([5.0, 2.0, 1.0]), np.array([5.0, 0.5, 1.0])
    assert selection.highest(loss, 1) == 0
    assert selection.highest(on_both("reducible", loss, other), 1) == 1
    assert selection.price(10, 0) == theirs.price(10, 0) == 10 != selection.price(0, 10) == 30


@pytest.mark.parametrize("call, error, words", [
    (lambda: selection.highest(np.zeros(3), 4), ValueError, "count is 4; allowed: 1 to 3"),
    (lambda: selection.highest(np.zeros(3), 0), ValueError, "count is 0; allowed: 1 to 3"),
    (lambda: selection.highest(np.zeros(0), 1), ValueError, "scores has shape"),
    (lambda: selection.losses(np.zeros((2, 3)), np.array([0, 3])), IndexError, "holds the id 3"),
    (lambda: selection.losses(np.zeros((2, 3)), np.array([0])), ValueError, "labels has shape"),
    (lambda: selection.gradient_norms(np.zeros((2, 3)), np.array([0, -1])), IndexError, "id -1"),
    (lambda: selection.gradient_norms(np.zeros((2, 3), int), np.array([0, 1])), TypeError, "logits"),
])
def test_what_is_out_of_range_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
