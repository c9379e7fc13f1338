"""What rms_norm.md proves: what a stretch and a shift of a row do, and which rows are refused."""

import math

import numpy as np
import pytest
from hypothesis import given

from compare.layers.table import LAYERS
from reference import layer_norm, rms_norm
from strategies import examples

LAYER = LAYERS["rms_norm"]


@given(examples(LAYER))
def test_dx_has_along_the_row_only_what_eps_leaves(case):
    x, eps = case.example.inputs["x"], case.example.options["eps"]
    _, cache = rms_norm.forward(x, case.example.params, eps=eps)
    dx, _ = rms_norm.backward(case.dy, cache)
    dxhat = case.dy * case.example.params.weight
    left = eps * cache.rrms**3 * (dxhat * cache.xhat).sum(-1, keepdims=True)
    terms = np.abs(cache.rrms * dxhat).max() * x.shape[-1]
    assert np.abs((dx * cache.xhat).sum(-1, keepdims=True) - left).max() <= 1e-14 * max(1, terms)


@given(examples(LAYER))
def test_of_a_centred_row_it_is_layer_norm_without_its_shift(case):
    x, p = case.example.inputs["x"], case.example.params
    centred = x - x.mean(-1, keepdims=True)
    theirs, _ = layer_norm.forward(x, layer_norm.Params(p.weight, 0 * p.weight), eps=1e-2)
    np.testing.assert_allclose(rms_norm.forward(centred, p, eps=1e-2)[0], theirs, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_row_of_zeros_stays_zero(dtype):
    p = rms_norm.Params(np.ones(3, dtype))
    y, cache = rms_norm.forward(np.zeros((2, 3), dtype), p)
    dx, dp = rms_norm.backward(np.ones((2, 3), dtype), cache)
    assert not y.any() and not dp.weight.any()
    np.testing.assert_allclose(dx, 1 / math.sqrt(1e-5), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("row, eps", [
    ([math.nan, 1.0], 1e-5), ([math.inf, 1.0], 1e-5), ([-math.inf, math.inf], 1e-5),
    ([0.0, 0.0], 0.0), (["max", 0.0], 1e-5)])
def test_a_row_without_a_root_mean_square_is_refused(dtype, row, eps):
    row = [np.finfo(dtype).max if value == "max" else value for value in row]
    with pytest.raises(FloatingPointError, match=r"of a row in rms_norm is .*; allowed: "
                                                 "finite numbers above 0"):
        rms_norm.forward(np.array([[1.0, 2.0], row], dtype), rms_norm.Params(np.ones(2, dtype)), eps=eps)
