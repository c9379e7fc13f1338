"""What attention.md proves: the key bias has no gradient, the past no view of the future."""

import numpy as np
import pytest
from hypothesis import given

from compare.layers.table import LAYERS
from reference import attention
from strategies import examples


@given(examples(LAYERS["attention"]))
def test_the_gradient_of_the_key_bias_is_zero(case):
    x = case.example.inputs["x"]
    _, cache = attention.forward(x, case.example.params, **case.example.options,
                                 **case.example.masks)
    _, grads = attention.backward(case.dy, cache)
    dq, dk, dv = np.split(grads.qkv.bias, 3)
    # a sum of B T T terms of the size of q, each rounded: zero up to their rounding
    assert np.abs(dk).max() <= 1e-13 * max(1, np.abs(dv).max()) * max(1, np.abs(cache.q).max())


@given(examples(LAYERS["attention"]))
def test_heads_split_and_merge_undo_each_other(case):
    x, H = case.example.inputs["x"], case.sizes["H"]
    np.testing.assert_array_equal(attention.merge_heads(attention.split_heads(x, H)), x)


def test_channels_that_do_not_divide_into_heads_are_refused():
    with pytest.raises(ValueError, match="x has C = 3 channels; allowed: a multiple of n_head = 2"):
        attention.forward(np.zeros((1, 2, 3)), None, n_head=2)
