"""The sum over rows: that of any other order, with the rounding of few additions."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reference.tools import sums
from strategies import seeds


@given(st.integers(1, 4), st.integers(1, 2 * sums.RUN), st.integers(1, 3), seeds)
def test_every_row_counts_once(B, T, C, seed):
    x = np.random.default_rng(seed).standard_normal((B, T, C))
    truth = [math.fsum(x[..., c].flat) for c in range(C)]
    np.testing.assert_allclose(sums.sum_over_rows(x), truth, rtol=1e-12, atol=1e-12)


@given(seeds)
def test_float32_stays_near_the_truth(seed):
    x = np.random.default_rng(seed).random((5000, 2), np.float32)
    truth = x.sum(0, dtype=np.float64)
    assert sums.sum_over_rows(x).dtype == np.float32
    # no number takes part in more than RUN + log2(5000 / RUN) additions, each half a unit off
    assert (np.abs(sums.sum_over_rows(x) - truth) <= (sums.RUN + 7) * 2.0**-24 * truth).all()


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 9), st.sampled_from(["f8", "c16"]), seeds)
def test_sums_along_rows_are_those_of_each_row(B, T, C, dtype, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((2, B, T, C)).astype(dtype)
    if dtype == "c16":  # nothing is conjugated
        y += 1j * rng.standard_normal((B, T, C))
    for found, truth in ((sums.row_sum(x), x.sum(-1, keepdims=True)),
                         (sums.row_mean(x), x.mean(-1, keepdims=True)),
                         (sums.row_dot(x, y), (x * y).sum(-1, keepdims=True))):
        assert found.dtype == x.dtype and found.shape == (B, T, 1)
        np.testing.assert_allclose(found, truth, rtol=1e-12, atol=1e-12)


def test_a_hundred_thousand_rows_are_few_levels():
    x = np.full((100_000, 1), 0.1, np.float32)
    truth = 100_000 * float(np.float32(0.1))
    assert abs(sums.sum_over_rows(x)[0] / truth - 1) <= 2 * sums.RUN * 2.0**-24
