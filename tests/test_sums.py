"""The sum over rows: that of any other order, with the rounding of few additions."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reference import sums
from strategies import seeds


@given(st.integers(1, 4), st.integers(1, 2 * sums.RUN), st.integers(1, 3), seeds)
def test_every_row_counts_once(B, T, C, seed):
    x = np.random.default_rng(seed).standard_normal((B, T, C))
    truth = [math.fsum(x[..., c].flat) for c in range(C)]
    np.testing.assert_allclose(sums.sum_rows(x), truth, rtol=1e-12, atol=1e-12)


@given(seeds)
def test_float32_stays_near_the_truth(seed):
    x = np.random.default_rng(seed).random((5000, 2), np.float32)
    truth = x.sum(0, dtype=np.float64)
    assert sums.sum_rows(x).dtype == np.float32
    # no number takes part in more than RUN + log2(5000 / RUN) additions, each half a unit off
    assert (np.abs(sums.sum_rows(x) - truth) <= (sums.RUN + 7) * 2.0**-24 * truth).all()
