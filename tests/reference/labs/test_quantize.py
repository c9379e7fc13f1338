"""Weights in a few bits: both sides exactly, what is lost at most, and the traps."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from compare.files import gguf
from compare.layers.source import twin
from reference.labs import quantize
from reference.labs.quantize import LEVELS, bits_per_weight, pack, rounded, unpack

FORMATS = {"Q4_0": 4.5, "Q4_1": 5.0, "Q8_0": 8.5}  # and bits a weight
every_kind = pytest.mark.parametrize("kind", LEVELS)
every_format = pytest.mark.parametrize("kind", FORMATS)


def weights_with_traps(seed, dtype=np.float64):
    """Return (8, 64) weights: one row is 0, one all alike, one holds what is between two levels
    of int4, one a single large weight."""
    rng = np.random.default_rng(seed)
    w = rng.standard_normal((8, 64))
    w[0], w[1], w[3, 5] = 0, -0.3, 40
    _, levels = LEVELS["int4"]
    w[2, :14], w[2, 14] = (levels[1:] + levels[:-1]) / 2, 1
    return w.astype(dtype)


@every_kind
@pytest.mark.parametrize("block", [16, 64, None])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_both_sides_are_equal_to_the_last_bit(kind, block, dtype):
    w, side = weights_with_traps(0, dtype), twin("quantize")
    ours, theirs = (of.quantize(a, kind, block)
                    for of, a in ((quantize, w), (side, torch.from_numpy(w))))
    for a, b in zip(ours[:2], theirs[:2]):
        assert a.dtype == b.numpy().dtype and np.array_equal(a, b.numpy())
    assert np.array_equal(rounded(w, kind, block),
                          side.rounded(torch.from_numpy(w), kind, block).numpy())
    packed, packed_there = pack(ours.codes, kind), side.pack(theirs[0], kind)
    assert np.array_equal(packed, packed_there.numpy())
    assert len(packed) == w.size * LEVELS[kind][0] / 8
    for found in (unpack(packed, kind, ours.codes.shape),
                  side.unpack(packed_there, kind, ours.codes.shape).numpy()):
        assert np.array_equal(found, ours.codes) and found.dtype == np.uint8


@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(LEVELS)), st.sampled_from([1, 4, 16]))
def test_each_weight_gets_the_nearest_level_of_its_block(seed, kind, block):
    w = np.random.default_rng(seed).standard_normal((3, 16))
    found, (_, levels) = rounded(w, kind, block), LEVELS[kind]
    for row, back in zip(w.reshape(-1, block), found.reshape(-1, block)):
        scale = np.float64(np.float32(np.abs(row).max()))
        best = np.abs(row[:, None] - scale * levels).min(-1)
        np.testing.assert_allclose(np.abs(row - back), best, rtol=1e-12, atol=1e-15)
        assert np.sign(back[np.abs(row).argmax()]) == np.sign(row[np.abs(row).argmax()])


@every_kind
def test_zero_stays_zero_also_where_a_whole_block_is(kind):
    w = weights_with_traps(1)
    w[4, ::2] = 0
    found = rounded(w, kind, 64)
    assert np.isfinite(found).all() and not found[0].any() and not found[4, ::2].any()


@every_kind
def test_a_tie_between_two_levels_goes_to_the_lower_one(kind):
    _, levels = LEVELS[kind]
    edges = (levels[1:] + levels[:-1]) / 2
    for nudge, code in (0, 0), (1e-9, 1), (-1e-9, 0):
        (codes,), *_ = quantize.quantize(np.array([1.0, *edges + nudge]), kind)
        assert np.array_equal(codes, [len(levels) - 1, *np.arange(len(edges)) + code])


@pytest.mark.parametrize("kind, used", [("int8", 255), ("int4", 15), ("int3", 7), ("int2", 3),
                                        ("NF4", 16)])
def test_a_symmetric_integer_leaves_one_code_unused(kind, used):
    w = np.linspace(-1, 1, 4096)
    assert len(np.unique(quantize.quantize(w, kind).codes)) == used == len(LEVELS[kind][1])


def test_the_levels_of_nf4_are_those_that_are_published():
    levels = quantize.normal_levels()
    assert levels[0] == -1 and levels[7] == 0 and levels[-1] == 1 and (np.diff(levels) > 0).all()
    np.testing.assert_allclose(  # bitsandbytes has them in float32, from a rounded tail
        levels[[1, 6, 8, 14]], [-0.6961928, -0.0910500, 0.0795803, 0.7229568], atol=1e-6)


def test_scales_cost_half_a_bit_at_blocks_of_64():
    w = weights_with_traps(2)
    made = quantize.quantize(w, "int4", 64)
    kept = 8 * (pack(made.codes, "int4").nbytes + made.scales.nbytes) / w.size
    assert kept == bits_per_weight("int4", 64) == 4.5 == twin("quantize").bits_per_weight("int4", 64)
    assert bits_per_weight("NF4", 16) == 6


@pytest.mark.parametrize("block", [0, 5, 128])
def test_a_block_that_does_not_fit_is_refused(block):
    with pytest.raises(ValueError, match=f"block is {block}; allowed: a divisor of the 64 weights"):
        quantize.quantize(np.ones((8, 8)), "int4", block)


def test_the_straight_through_gradient_is_not_the_derivative():
    side, w = twin("quantize"), np.random.default_rng(3).standard_normal((4, 16))
    dy, h, slopes = np.random.default_rng(4).standard_normal(w.shape), 1e-7, np.zeros(w.shape)
    for place in np.ndindex(w.shape):
        if np.abs(w[place]) < np.abs(w[place[0]]).max():  # those move the scale
            step = np.zeros(w.shape)
            step[place] = h
            up, down = (rounded(w + s, "int4", 16) for s in (step, -step))
            slopes[place] = (dy * (up - down)).sum() / (2 * h)
    assert not slopes.any()  # the steps of the stairs are level
    given = quantize.straight_through(dy)
    np.testing.assert_array_equal(given, dy)
    assert given is not dy and np.abs(given - slopes).min() > 0
    leaf = torch.from_numpy(w).requires_grad_()
    value = side.straight_through(leaf, "int4", 16)
    np.testing.assert_allclose(value.detach().numpy(), rounded(w, "int4", 16), atol=1e-15)
    value.backward(torch.from_numpy(dy))
    np.testing.assert_array_equal(leaf.grad.numpy(), dy)


@every_format
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_formats_of_files_are_equal_on_both_sides_and_read_back(kind, dtype):
    w = weights_with_traps(5, dtype)
    packed = quantize.gguf_blocks(w, kind)
    assert np.array_equal(packed, twin("quantize").gguf_blocks(torch.from_numpy(w), kind).numpy())
    assert 8 * packed.nbytes / w.size == FORMATS[kind]
    back = gguf.unpacked(packed, kind)
    assert back.shape == w.shape and not back[0].any()
    rows, found = w.reshape(-1, 32), back.reshape(-1, 32)
    widest = {"Q4_0": np.abs(rows).max(-1) / 8, "Q8_0": np.abs(rows).max(-1) / 254,
              "Q4_1": (rows.max(-1) - rows.min(-1)) / 30}[kind]  # half a step; of Q4_0 a whole one
    rounding = 2e-3 * np.abs(rows).max(-1) + 1e-7  # of the scale, in float16
    assert (np.abs(rows - found).max(-1) <= widest + rounding).all()


def test_q4_0_uses_all_16_codes_and_keeps_the_largest_weight():
    w = np.linspace(-1, 0.99, 3200).reshape(1, -1)
    w[:, ::32] = -1
    back = gguf.unpacked(quantize.gguf_blocks(w, "Q4_0"), "Q4_0")
    assert len(np.unique(back)) == 16 and (back[:, ::32] == -1).all()
    assert (gguf.unpacked(quantize.gguf_blocks(-w, "Q4_0"), "Q4_0") == -back).all()


def test_q8_0_rounds_a_tie_away_from_zero():
    w = np.zeros((1, 32))
    w[0, :4] = 127, 0.5, -0.5, 1.5
    assert gguf.unpacked(quantize.gguf_blocks(w, "Q8_0"), "Q8_0")[0, :4].tolist() == [127, 1, -1, 2]


def test_rows_that_are_no_whole_blocks_are_refused():
    with pytest.raises(ValueError, match="w has rows of 48; allowed: a multiple of 32"):
        quantize.gguf_blocks(np.ones((2, 48)), "Q4_0")
