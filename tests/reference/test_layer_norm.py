"""What layer_norm.md proves about dx, and rows of equal values."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from compare.layers.table import LAYERS
from reference import layer_norm
from strategies import examples, seeds


@given(examples(LAYERS["layer_norm"]))
def test_dx_sums_to_zero_over_the_channels(case):
    x = case.example.inputs["x"]
    _, cache = layer_norm.forward(x, case.example.params, **case.example.options)
    dx, _ = layer_norm.backward(case.dy, cache)
    terms = np.abs(cache.rstd * case.dy * case.example.params.weight).max()
    # each of C terms of this size is rounded a few times
    assert np.abs(dx.sum(-1)).max() <= 1e-14 * max(1, terms) * x.shape[-1]


@given(st.integers(1, 64), st.floats(-1e6, 1e6), seeds)
def test_a_row_of_equal_values_becomes_beta(C, value, seed):
    rng = np.random.default_rng(seed)
    p = layer_norm.Params(rng.standard_normal(C), rng.standard_normal(C))
    y, cache = layer_norm.forward(np.full((1, C), value), p)
    # the mean of C equal values is off by up to log2(C) + 1 <= 7 roundings of their size, which
    # division by sqrt(variance + eps) >= sqrt(eps) multiplies by at most 1 / sqrt(eps) = 317
    bound = 7 * 317 * np.finfo(float).eps * abs(value) * np.abs(p.weight).max() + 1e-15
    assert np.abs(y - p.bias).max() <= bound
    dx, dp = layer_norm.backward(rng.standard_normal((1, C)), cache)
    assert np.isfinite(dx).all() and np.isfinite(dp.weight).all()
