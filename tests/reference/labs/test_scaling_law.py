"""What scaling_law.md proves: shares sum to 1, the loss falls with both, and what is refused."""

import numpy as np
import pytest
from hypothesis import given

from compare.layers.table import LAYERS
from reference.labs import scaling_law
from strategies import examples


@given(examples(LAYERS["scaling_law"]))
def test_it_is_the_sum_of_the_floor_and_the_two_powers(case):
    theta, given = case.example.inputs["theta"], case.example.constants
    y, cache = scaling_law.forward(theta, **given)
    A, B, E = np.exp(theta[[0, 2, 4]])
    N, D = np.exp(given["log_n"]), np.exp(given["log_d"])
    loss = (E + A / N**theta[1] + B / D**theta[3]) ** theta[5]
    np.testing.assert_allclose(np.exp(y), loss, rtol=1e-12)
    np.testing.assert_allclose(cache.shares.sum(-1), 1, rtol=1e-14)


def test_far_out_only_the_floor_is_left():
    theta = np.array([1.0, 0.5, 1.0, 0.5, 0.7, 1.0])
    y, cache = scaling_law.forward(theta, log_n=np.array([1e4]), log_d=np.array([1e4]))
    assert y[0] == 0.7 and scaling_law.backward(np.ones(1), cache).tolist() == [
        0, 0, 0, 0, 1, 0.7]


def test_other_than_six_numbers_are_refused():
    for size in 5, 7:
        with pytest.raises(ValueError, match=rf"^theta has shape \({size},\); allowed: \(6,\)$"):
            scaling_law.forward(np.ones(size), log_n=np.ones(2), log_d=np.ones(2))
    with pytest.raises(FloatingPointError, match="^the logarithm of a loss in scaling_law is nan"):
        scaling_law.forward(np.full(6, np.nan), log_n=np.ones(2), log_d=np.ones(2))
