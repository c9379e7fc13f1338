"""What gelu.md proves: gelu(x) - gelu(-x) = x, so the two slopes add to 1."""

import numpy as np
from hypothesis import given

from compare.layers import LAYERS
from reference import gelu
from strategies import cases


@given(cases(LAYERS["gelu"]))
def test_the_slopes_at_x_and_minus_x_add_to_one(case):
    x = case.example.inputs["x"]
    slopes = [gelu.backward(np.ones_like(x), gelu.forward(side)[1]) for side in (x, -x)]
    np.testing.assert_allclose(slopes[0] + slopes[1], 1, rtol=1e-14)
