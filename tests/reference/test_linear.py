"""What linear.md proves: the bias's gradient counts the rows, and shapes must fit."""

import numpy as np
import pytest
from hypothesis import given

from compare.layers.table import LAYERS
from reference import linear
from strategies import examples


@given(examples(LAYERS["linear"]))
def test_flattened_rows_give_the_same_gradient(case):
    x, dy = case.example.inputs["x"], case.dy
    _, cache = linear.forward(x, case.example.params)
    _, rows_cache = linear.forward(x.reshape(-1, x.shape[-1]), case.example.params)
    _, grads = linear.backward(dy, cache)
    _, rows_grads = linear.backward(dy.reshape(-1, dy.shape[-1]), rows_cache)
    np.testing.assert_array_equal(grads.weight, rows_grads.weight)
    np.testing.assert_array_equal(grads.bias, rows_grads.bias)


@pytest.mark.parametrize("shape", [(2, 3), (4,), ()])
def test_a_shape_that_does_not_fit_is_refused(shape):
    p = linear.Params(np.zeros((5, 2)), np.zeros(5))
    with pytest.raises(ValueError, match=r"weight has shape \(5, 2\); allowed: \(O, I\) with I|"
                                         r"x has shape \(\)"):
        linear.forward(np.zeros(shape), p)
