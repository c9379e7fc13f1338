"""The products of causal attention: those of whole matrices, for strips of any height."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare import agree
from compare.layers import LAYERS
from reference import causal
from strategies import cases, seeds

lengths = st.one_of(st.integers(1, 9), st.integers(causal.STRIP - 1, 2 * causal.STRIP + 2))


@given(lengths, st.integers(1, 3), seeds, st.sampled_from(["f4", "f8", "c16"]))
def test_the_products_are_those_of_whole_matrices(T, D, seed, dtype):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((2, 3, T, D)).astype(dtype)
    w = np.tril(rng.standard_normal((3, T, T))).astype(dtype)
    bound = 1e-4 if dtype == "f4" else 1e-12
    for found, truth in ((np.tril(causal.pairs(x, y)), np.tril(x @ y.swapaxes(-1, -2))),
                         (causal.gather(w, x), w @ x),
                         (causal.scatter(w, x), w.swapaxes(-1, -2) @ x)):
        assert found.dtype == dtype and np.abs(found - truth).max() <= bound


@given(lengths)
def test_right_of_a_strip_nothing_is_computed(T):
    x, stop = np.ones((T, 1)), causal.STRIP * (np.arange(T) // causal.STRIP + 1)   # (T,)
    spoilt = np.full((T, T), np.nan)
    del spoilt  # so that new memory holds no zeros by chance
    np.testing.assert_array_equal(causal.pairs(x, x), np.arange(T) < stop[:, None])
    w = np.where(np.arange(T) < stop[:, None], 1, np.nan)
    assert np.isfinite(causal.gather(w, x)).all() and np.isfinite(causal.scatter(w, x)).all()


@given(st.integers(1, 300))
def test_strips_cover_the_rows_once(T):
    strips = causal.strips(T)
    assert [t for a, b in strips for t in range(a, b)] == list(range(T))


@given(cases(LAYERS["attention"]), st.integers(1, 4))
def test_attention_is_the_same_in_strips(case, rows):
    layer = LAYERS["attention"]
    y, gradients = agree.run_numpy(layer, case.example, case.dy)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(causal, "STRIP", rows)
        found, others = agree.run_numpy(layer, case.example, case.dy)
    for ours, truth in (found, y), *((others[name], gradients[name]) for name in gradients):
        assert np.abs(ours - truth).max() <= 1e-11 * max(1.0, np.abs(truth).max())
