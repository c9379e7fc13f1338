"""What cross_entropy.md proves: gradients sum to 0 over V; ignored rows get nothing."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import torch_impl.cross_entropy
from compare.layers.table import LAYERS
from reference import cross_entropy
from strategies import examples


@given(examples(LAYERS["cross_entropy"]))
def test_gradients_sum_to_zero_and_ignored_rows_get_none(case):
    _, cache = cross_entropy.forward(*case.example.inputs.values(), **case.example.options)
    dlogits = cross_entropy.backward(case.dy, cache)
    np.testing.assert_allclose(dlogits.sum(-1), 0, atol=1e-14)
    ignored = case.example.inputs["targets"] == case.example.options["ignore_index"]
    assert not dlogits[ignored].any()


def test_logits_may_lie_in_any_order_in_memory():
    rng = np.random.default_rng(0)
    logits, targets = rng.standard_normal((3, 4, 5)), rng.integers(0, 5, (3, 4))
    loss, cache = cross_entropy.forward(logits, targets)
    found, other = cross_entropy.forward(np.asfortranarray(logits), targets)
    assert found == loss
    np.testing.assert_array_equal(*(cross_entropy.backward(0.5, c) for c in (cache, other)))


@given(st.integers(1, 50))
def test_equal_logits_cost_log_v(V):
    loss, _ = cross_entropy.forward(np.full((3, V), 7.0), np.arange(3) % V)
    assert math.isclose(loss, math.log(V), abs_tol=1e-14)


@pytest.mark.parametrize("size", [1e4, 1e300])
def test_extreme_logits_cost_their_distance(size):
    logits = np.array([[size, 0.0, -size]])
    for target, cost in enumerate([0.0, size, 2 * size]):
        loss, cache = cross_entropy.forward(logits, np.array([target]))
        assert loss == cost
        truth = np.array([[1.0, 0.0, 0.0]]) - np.eye(3)[target]
        np.testing.assert_array_equal(cross_entropy.backward(np.float64(1.0), cache), truth)


@pytest.mark.parametrize("targets, error, words", [
    (np.array([0, 3]), IndexError, "targets holds the id 3; allowed: 0 to 2"),
    (np.array([0, -1]), IndexError, "targets holds the id -1; allowed: 0 to 2"),
    (np.array([0]), ValueError, r"targets has shape \(1,\); allowed: \(2,\)"),
    (np.array([-100, -100]), ValueError, "every target is ignore_index = -100"),
    (np.array([0.0, 1.0]), TypeError, "targets has dtype float64"),
])
def test_bad_targets_are_refused(targets, error, words):
    with pytest.raises(error, match=words):
        cross_entropy.forward(np.zeros((2, 3)), targets)


@pytest.mark.parametrize("ignore_index", [-100, 0])
def test_targets_that_are_all_ignored_are_refused_on_both_sides(ignore_index):
    logits, targets = np.zeros((2, 3, 4)), np.full((2, 3), ignore_index)
    words = f"^every target is ignore_index = {ignore_index}; allowed: not all$"
    with pytest.raises(ValueError, match=words):
        cross_entropy.forward(logits, targets, ignore_index=ignore_index)
    with pytest.raises(ValueError, match=words):
        module = torch_impl.cross_entropy.CrossEntropy(ignore_index)
        module(torch.from_numpy(logits), torch.from_numpy(targets))


def test_a_bare_float_as_the_losss_cotangent_keeps_float32():
    logits = np.random.default_rng(0).standard_normal((2, 3)).astype(np.float32)
    _, cache = cross_entropy.forward(logits, np.array([0, 2]))
    found, truth = (cross_entropy.backward(dloss, cache) for dloss in (0.5, np.float32(0.5)))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, truth)
