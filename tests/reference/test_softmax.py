"""What softmax.md proves: rows sum to 1, gradients to 0, a shift changes nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.layers.table import LAYERS
from reference import softmax
from strategies import examples


@given(examples(LAYERS["softmax"]), st.floats(-1e3, 1e3))
def test_rows_sum_to_one_and_gradients_to_zero(case, shift):
    x, masks = case.example.inputs["x"], case.example.constants
    y, cache = softmax.forward(x, **masks)
    np.testing.assert_allclose(y.sum(-1), 1, rtol=1e-14)
    np.testing.assert_allclose(softmax.backward(case.dy, cache).sum(-1), 0, atol=1e-14)
    # x + shift rounds x to units of the shift's last place: 1000 eps / 2
    np.testing.assert_allclose(softmax.forward(x + shift, **masks)[0], y, rtol=1e-12)


@given(examples(LAYERS["softmax"]))
def test_masked_entries_and_their_gradients_are_exactly_zero(case):
    x, mask = case.example.inputs["x"], case.example.constants["mask"]
    if mask is None:
        mask = softmax.causal_mask(x.shape[-1])
    y, cache = softmax.forward(x, mask=mask)
    dx = softmax.backward(case.dy, cache)
    assert not y[..., ~mask].any() and not dx[..., ~mask].any()


@given(st.lists(st.sampled_from([-1e300, -1e4, -1.0, 0.0, 1e4, 1e300]), min_size=1, max_size=6))
def test_extreme_logits_stay_finite(row):
    y, cache = softmax.forward(np.array([row]))
    row, dy = np.array(row), np.arange(len(row)) + 0.5
    near = np.exp(np.maximum(row - row.max(), -1e3))  # exp(-1000) is 0 already
    np.testing.assert_allclose(y[0], near / near.sum(), rtol=1e-14)
    assert np.isfinite(softmax.backward(dy[None], cache)).all()


def test_a_row_that_is_masked_throughout_is_refused():
    mask = np.array([[True, False], [False, False]])
    with pytest.raises(ValueError, match=r"mask hides every entry of row \[1\]"):
        softmax.forward(np.zeros((2, 2)), mask=mask)
    with pytest.raises(TypeError, match="mask has dtype int64"):
        softmax.forward(np.zeros((2, 2)), mask=mask.astype(np.int64))


def test_a_mask_may_differ_from_one_example_to_the_next():
    mask = np.ones((2, 3, 4), bool)
    mask[0, :, 1:] = False  # each row sees one entry, though no column of this example is whole
    y, _ = softmax.forward(np.zeros((2, 3, 4)), mask=mask)
    np.testing.assert_array_equal(y[0], [[1, 0, 0, 0]] * 3)
    mask[1, 2] = False
    with pytest.raises(ValueError, match=r"mask hides every entry of row \[1, 2\]"):
        softmax.forward(np.zeros((2, 3, 4)), mask=mask)


@pytest.mark.parametrize("shape", [(4, 2, 3), (1, 2, 3), (3, 3), (2, 2), (4,), (0, 3)])
def test_a_mask_that_does_not_broadcast_to_x_is_refused(shape):
    with pytest.raises(ValueError, match=r"mask has shape .*; allowed: one that broadcasts to \(2, 3\)"):
        softmax.forward(np.zeros((2, 3)), mask=np.ones(shape, bool))


@pytest.mark.parametrize("shape", [(2, 3), (1, 3), (3,), (2, 1), (1,)])
def test_a_mask_that_broadcasts_to_x_is_taken(shape):
    y, _ = softmax.forward(np.zeros((2, 3)), mask=np.ones(shape, bool))
    np.testing.assert_allclose(y, np.full((2, 3), 1 / 3), rtol=1e-15)
