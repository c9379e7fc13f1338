"""What flash_attention.md proves: plain attention's results, whatever the block, in linear memory."""

import math
import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given

from compare.layers import both
from compare.layers.caches import bytes_of
from compare.layers.table import LAYERS
from compare.bench.long_context import flash, plain
from reference import flash_attention
from strategies import examples

LAYER = LAYERS["flash_attention"]


def drawn(B, H, T, D, dtype=float, seed=0):
    """q, k, v and dy."""
    return np.random.default_rng(seed).standard_normal((4, B, H, T, D)).astype(dtype)


@given(examples(LAYER))
def test_every_block_size_gives_what_plain_attention_gives(case):
    arrays = *case.example.inputs.values(), case.dy
    truth, _ = plain(*arrays)
    for block in range(1, case.sizes["T"] + 2):
        for mine, right in zip(flash(*arrays, block)[0], truth):
            assert both.relative_error(mine, right, 1.0) <= 1e-12


@given(examples(LAYER))
def test_the_future_never_leaks(case):
    q, k, v = case.example.inputs.values()
    y, cache = flash_attention.forward(q, k, v, **case.example.options)
    for t in range(case.sizes["T"]):
        later, only = np.arange(case.sizes["T"])[:, None] > t, np.zeros_like(case.dy)
        other, _ = flash_attention.forward(q, np.where(later, -3 * k, k), np.where(later, 5.0, v),
                                           **case.example.options)
        np.testing.assert_array_equal(other[:, :, : t + 1], y[:, :, : t + 1])
        only[:, :, t] = case.dy[:, :, t]
        assert not any(grad[:, :, t + 1 :].any() for grad in flash_attention.backward(only, cache))


def test_the_cache_grows_with_t_and_is_a_quarter_of_the_plain_one_at_most():
    H, D, kept = 6, 64, {}
    for T in 128, 256:
        q, k, v, _ = drawn(1, H, T, D, np.float32)
        y, cache = flash_attention.forward(q, k, v)
        kept[T] = bytes_of(cache, ())
    assert kept[256] == 2 * kept[128]
    T = 4096
    assert kept[256] * T // 256 <= (3 * H * T * D + H * T * T) * 4 / 4  # q, k, v and the weights


def test_no_array_of_t_by_t_is_ever_made():
    T, arrays = 512, drawn(1, 2, 512, 8, np.float32)
    tracemalloc.start()
    flash(*arrays, 32)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * T * T  # bytes: a quarter of the scores


@pytest.mark.parametrize("block", [1, 2, 8])
def test_extreme_scores(block):
    q, k, v, dy = drawn(2, 2, 5, 4)
    q, k = 100 * q, 100 * k  # scores of about 1e4, that most rows are all on one entry of
    truth, (*_, weights) = plain(q, k, v, dy)
    assert np.abs(q @ k.swapaxes(-1, -2)).max() > 1e4 and (weights > 0.999).any()
    for mine, right in zip(flash(q, k, v, dy, block)[0], truth):
        assert both.relative_error(mine, right, 100.0) <= 1e-12  # dq has terms of the size of k


@pytest.mark.parametrize("block", [1, 2, 3])
def test_a_score_that_is_hidden_may_overflow(block):
    q, k, v, dy = drawn(1, 1, 3, 2)
    q, k[:, :, 2] = 1e200 * q, 1e200
    q[:, :, 2] = 0
    truth, _ = plain(q[:, :, :2], k[:, :, :2], v[:, :, :2], dy[:, :, :2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (y, *grads), _ = flash(q, k, v, dy, block)
    np.testing.assert_allclose(y[:, :, :2], truth[0], rtol=1e-12)
    np.testing.assert_allclose(y[0, 0, 2], v[0, 0].mean(0), rtol=1e-12)
    assert all(np.isfinite(grad).all() for grad in grads)


@pytest.mark.parametrize("block", [1, 2])
def test_a_score_of_minus_infinity_is_a_weight_of_zero(block):
    q, k, v = np.array([[[[0.0], [1e200]]], [[[-1e200], [0.0]]], [[[3.0], [4.0]]]])[:, None]
    y, _ = flash_attention.forward(q, k, v, block=block)
    np.testing.assert_array_equal(y, v)


@pytest.mark.parametrize("q, k, v, words", [
    (1e200, 1e200, 1, "the log-sum-exp of a row in flash_attention is nan"),
    (-1e200, 1e200, 1, "the log-sum-exp of a row in flash_attention is -inf"),
    (math.nan, 1, 1, "the log-sum-exp of a row in flash_attention is nan"),
    (1, 1, 1e308, "y in flash_attention is inf"),
])
def test_what_has_no_softmax_is_refused(q, k, v, words):
    q, k, v = (np.full((1, 1, 3, 1), number, float) for number in (q, k, v))
    for block in 1, 2, 3:
        with pytest.raises(FloatingPointError, match=words + "; allowed: finite numbers"):
            flash_attention.forward(q, k, v, block=block)


@pytest.mark.parametrize("block", [0, -1, 2.0, "2", None])
def test_a_block_is_an_integer_from_1_up(block):
    q, k, v, _ = drawn(1, 1, 2, 1)
    with pytest.raises(ValueError, match=f"block is {block}; allowed: an integer from 1 up"):
        flash_attention.forward(q, k, v, block=block)


def test_shapes_that_differ_are_refused():
    q, k, v, _ = drawn(1, 2, 3, 4)
    with pytest.raises(ValueError, match=r"k has shape \(1, 2, 2, 4\); allowed: .* T = 3"):
        flash_attention.forward(q, k[:, :, :2], v)
