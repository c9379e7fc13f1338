"""What swiglu.md proves: SiLU's slopes at g and -g add to 1; huge gates; what is refused."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.layers.table import LAYERS
from reference import linear, swiglu
from strategies import examples

LAYER = LAYERS["swiglu"]


@given(st.lists(st.floats(-30, 30), min_size=1, max_size=20))
def test_silus_slopes_at_g_and_minus_g_add_to_one(gates):
    """With one channel and all weights 1, y is silu(x) x: so dx is dg + du, and du is silu(x)."""
    x = np.array(gates)[:, None]
    x = x[np.abs(x[:, 0]) > 0.1]
    slopes = []
    for side in (x, -x):
        y, cache = swiglu.forward(side, single(1, 1, 1))
        dx, _ = swiglu.backward(np.ones_like(side), cache)
        slopes.append((dx - y / side) / side)  # dg = u times the slope
    np.testing.assert_allclose(slopes[0] + slopes[1], 1, rtol=1e-12)


@given(examples(LAYER))
def test_each_position_is_on_its_own(case):
    x = case.example.inputs["x"]
    y, _ = swiglu.forward(x, case.example.params)
    for t in range(x.shape[1]):
        alone, _ = swiglu.forward(x[:, t : t + 1], case.example.params)
        np.testing.assert_allclose(alone, y[:, t : t + 1], atol=1e-13)


def single(gate, up, down, dtype="float64"):
    """The parameters of a layer with one channel and one hidden channel."""
    return swiglu.Params(*(linear.Weight(np.array([[value]], dtype)) for value in (gate, up, down)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.filterwarnings("error")
def test_a_huge_gate_is_open_or_closed(dtype):
    x = np.array([[-1e4], [1e4]], dtype)
    y, cache = swiglu.forward(x, single(1, 1e-4, 1, dtype))
    np.testing.assert_allclose(y, [[0], [1e4]], rtol=1e-6)
    dx, dp = swiglu.backward(np.ones_like(x), cache)
    np.testing.assert_allclose(dx, [[0], [2]], rtol=1e-6)
    np.testing.assert_allclose(dp.gate.weight, [[1e4]], rtol=1e-6)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e200])
def test_what_has_no_product_is_refused(value):
    with pytest.raises(FloatingPointError, match="^y in swiglu is .*; allowed: finite numbers"):
        swiglu.forward(np.array([[1.0], [value]]), single(1, 1, 1))


def test_weights_that_do_not_fit_are_refused():
    p = LAYER.example({"B": 1, "T": 2, "C": 3, "F": 4}, 0).params
    with pytest.raises(ValueError, match="^down has shape .*; allowed: .*C = 3, F = 4|F = 4, C = 3"):
        swiglu.forward(np.ones((2, 3)), p._replace(down=p.up))
    with pytest.raises(ValueError, match="^up has shape"):
        swiglu.forward(np.ones((2, 3)), p._replace(up=p.down))
