"""The logarithm of the logistic function: held against math, in complex128, and far from 0."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference.tools.logistic import log_sigmoid


@given(st.floats(-30, 30))
def test_it_is_minus_the_logarithm_of_one_and_an_exponential(u):
    assert log_sigmoid(np.array(u)) == pytest.approx(-math.log1p(math.exp(-u)), rel=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_from_zero_it_is_the_number_itself_or_zero(dtype):
    u = np.array([-1e30, 1e30, 0], dtype)
    found = log_sigmoid(u)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, np.array([-1e30, 0, -np.log(dtype(2))], dtype))


@given(st.floats(-30, 30))
def test_its_slope_is_the_logistic_function_of_the_opposite(u):
    slope = log_sigmoid(np.array(u + 1e-30j)).imag / 1e-30
    assert slope == pytest.approx(1 / (1 + math.exp(u)), rel=1e-12)
