"""Functions in pieces return what they return for the whole, whatever the shape."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from compare.layers import both
from compare.layers.table import LAYERS
from reference import gelu
from reference.tools import elementwise
from strategies import examples, seeds


def swap(x, cache):
    """An element-wise function of trees, that says how many numbers it was given."""
    SIZES.append(x.size)
    return cache.e + 1j * x, gelu.Cache(x > 0, cache.near)


SIZES = []


@given(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0), seeds, st.integers(1, 20))
def test_trees_of_any_shape_and_dtype(shape, seed, size):
    x, near, e = np.random.default_rng(seed).standard_normal((3, *shape))
    arguments = x.T, gelu.Cache(near.T, e.T)  # not in order in memory
    truth = swap(*arguments)
    SIZES.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(elementwise, "PIECE", size)
        found = elementwise.elementwise(swap)(*arguments)
    assert max(SIZES) <= size and sum(SIZES) == x.size
    assert type(found[1]) is gelu.Cache
    for a, b in zip((found[0], *found[1]), (truth[0], *truth[1]), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b, strict=True)


@given(examples(LAYERS["gelu"]), st.integers(1, 20))
def test_gelu_is_the_same_in_pieces(case, size):
    y, gradients = both.run_numpy(LAYERS["gelu"], case.example, case.dy)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(elementwise, "PIECE", size)
        found, others = both.run_numpy(LAYERS["gelu"], case.example, case.dy)
    for ours, truth in (found, y), (others["x"], gradients["x"]):
        np.testing.assert_allclose(ours, truth, rtol=1e-14, atol=1e-300)


def test_an_argument_that_is_no_array_is_refused_as_ever():
    with pytest.raises(TypeError, match="x"):
        gelu.forward([1.0] * (elementwise.PIECE + 1))
