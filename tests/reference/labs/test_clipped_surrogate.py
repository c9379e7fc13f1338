"""What clipped_surrogate.md proves: the clip is one-sided, and what it refuses."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from compare.layers.table import LAYERS
from reference.labs import clipped_surrogate
from strategies import examples
from torch_impl.labs.clipped_surrogate import ClippedSurrogate


@given(examples(LAYERS["clipped_surrogate"]))
def test_only_what_has_moved_far_enough_the_right_way_is_held(case):
    (logp,), constants = case.example.inputs.values(), case.example.constants
    epsilon, A = case.example.options["epsilon"], constants["advantages"]
    _, cache = clipped_surrogate.forward(logp, **constants, epsilon=epsilon)
    dlogp = clipped_surrogate.backward(1.0, cache)
    gained = np.sign(A) * (np.exp(logp - constants["old_logp"]) - 1)
    np.testing.assert_array_equal(dlogp == 0, gained > epsilon)


@given(examples(LAYERS["clipped_surrogate"]))
def test_the_first_update_is_that_of_reinforce(case):
    (logp,), A = case.example.inputs.values(), case.example.constants["advantages"]
    loss, cache = clipped_surrogate.forward(
        logp, old_logp=logp, advantages=A, **case.example.options)
    np.testing.assert_allclose(loss, -A.mean(), rtol=1e-12)
    np.testing.assert_array_equal(clipped_surrogate.backward(1.0, cache), -A / len(A))


@given(st.floats(-3, 3), st.floats(0.01, 0.99))
def test_the_loss_is_never_below_what_it_would_be_without_a_clip(log_ratio, epsilon):
    for advantage in -2.0, 2.0:
        loss, cache = clipped_surrogate.forward(np.array([log_ratio]), old_logp=np.zeros(1),
                                                advantages=np.array([advantage]), epsilon=epsilon)
        assert loss >= -advantage * cache.ratio[0]


def test_at_a_corner_the_slope_is_that_of_the_free_gain():
    cache = clipped_surrogate.Cache(np.array([1.5, 0.5]), np.array([1.0, -1.0]), 0.5)
    np.testing.assert_array_equal(clipped_surrogate.backward(2.0, cache), [-1.5, 0.5])


def test_what_was_impossible_and_what_has_become_so():
    zero, one = np.zeros(1), np.ones(1)
    loss, cache = clipped_surrogate.forward(zero - np.inf, old_logp=zero, advantages=one)
    assert loss == 0 and clipped_surrogate.backward(1.0, cache) == 0
    with pytest.raises(FloatingPointError, match="a ratio in clipped_surrogate is inf"):
        clipped_surrogate.forward(zero, old_logp=zero - np.inf, advantages=one)
    with pytest.raises(FloatingPointError, match="loss in clipped_surrogate is inf"):
        clipped_surrogate.forward(zero + 700, old_logp=zero, advantages=-1e300 * one)


@pytest.mark.parametrize("epsilon", [0.0, 1.0, -0.2, 2, float("nan")])
def test_an_epsilon_outside_of_0_to_1_is_refused_on_both_sides(epsilon):
    words = "epsilon is .*; allowed: 0 < epsilon < 1"
    with pytest.raises(ValueError, match=words):
        clipped_surrogate.forward(np.ones(2), old_logp=np.ones(2), advantages=np.ones(2),
                                  epsilon=epsilon)
    with pytest.raises(ValueError, match=words):
        ClippedSurrogate(epsilon)


def test_arrays_that_do_not_fit_are_refused():
    ones = np.ones(2)
    with pytest.raises(ValueError, match=r"advantages has shape \(1,\); allowed: \(N,\) with N"):
        clipped_surrogate.forward(ones, old_logp=ones, advantages=np.ones(1))
    with pytest.raises(TypeError, match="old_logp has dtype float32; allowed: float64"):
        clipped_surrogate.forward(ones, old_logp=ones.astype(np.float32), advantages=ones)


def test_in_torch_old_log_probabilities_that_are_not_frozen_cancel_the_gradient():
    logp = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    A = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)
    frozen, = torch.autograd.grad(ClippedSurrogate()(logp, logp.detach(), A), logp)
    torch.testing.assert_close(frozen, -A / 3)
    moving, = torch.autograd.grad(ClippedSurrogate()(logp, logp, A), logp)
    assert not moving.any()
