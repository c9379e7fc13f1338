"""What gelu.md proves: gelu(x) - gelu(-x) = x, so the two slopes add to 1."""

import numpy as np
import pytest
from hypothesis import given

from compare.layers.table import LAYERS
from reference import gelu
from strategies import examples


@given(examples(LAYERS["gelu"]))
def test_the_slopes_at_x_and_minus_x_add_to_one(case):
    x = case.example.inputs["x"]
    slopes = [gelu.backward(np.ones_like(x), gelu.forward(side)[1]) for side in (x, -x)]
    np.testing.assert_allclose(slopes[0] + slopes[1], 1, rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.filterwarnings("error")
def test_huge_inputs_are_let_through_or_stopped(dtype):
    x = np.array([-1e20, -1e12, -11.0, 11.0, 1e12, 1e20], dtype)
    y, cache = gelu.forward(x)
    np.testing.assert_allclose(y, np.maximum(x, 0), atol=1e-17)
    np.testing.assert_allclose(gelu.backward(np.ones_like(x), cache), x > 0, atol=1e-36)
