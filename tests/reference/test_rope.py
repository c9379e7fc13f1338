"""What rope.md proves: scores depend on the distance, lengths stay, and the two layouts agree."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.layers.source import twin
from compare.layers.table import LAYERS
from reference import rope
from strategies import examples, seeds

LAYER = LAYERS["rope"]
bases = st.sampled_from([2.0, 100.0, 10000.0, 100000.0])
positions = st.integers(0, 500)


def close(found, right):
    np.testing.assert_allclose(found, right, atol=1e-12)


@given(st.integers(1, 8), bases, positions, positions, positions, seeds)
def test_a_score_depends_on_the_distance_alone(pairs, base, t, u, shift, seed):
    q, k = np.random.default_rng(seed).standard_normal((2, 1, 2 * pairs))

    def score(t, u):
        (q_turned, _), (k_turned, _) = (rope.forward(q, base=base, start=t),
                                        rope.forward(k, base=base, start=u))
        return (q_turned * k_turned).sum()

    close(score(t + shift, u + shift), score(t, u))


@given(examples(LAYER))
def test_the_backward_turns_back_and_keeps_every_length(case):
    x = case.example.inputs["x"]
    y, cache = rope.forward(x, **case.example.options)
    close(rope.backward(y, cache), x)
    close((y * y).sum(-1), (x * x).sum(-1))


def interleaved(x):
    """The channels in the order of llama.cpp and Meta: a pair side by side."""
    halves = x.reshape(*x.shape[:-1], 2, -1)
    return halves.swapaxes(-1, -2).reshape(x.shape)


@given(examples(LAYER))
def test_turning_neighbours_is_turning_halves_in_another_order(case):
    x, options = case.example.inputs["x"], case.example.options
    pairs = interleaved(x).view(np.complex128)  # (B, H, T, D / 2)
    positions = options["start"] + np.arange(x.shape[-2])[:, None]
    angles = positions / options["base"] ** (np.arange(pairs.shape[-1]) / pairs.shape[-1])
    turned = (pairs * np.exp(1j * angles)).view(float)
    close(turned, interleaved(rope.forward(x, **options)[0]))


@given(st.integers(1, 4), seeds)
def test_moving_the_rows_of_a_weight_moves_the_channels(pairs, seed):
    rng = np.random.default_rng(seed)
    H, C = 3, 5
    weight, x = rng.standard_normal((H * 2 * pairs, C)), rng.standard_normal((4, C))

    def heads(weight):
        return (x @ weight.T).reshape(4, H, -1)

    packed = weight.reshape(H, 2, pairs, C).swapaxes(1, 2).reshape(weight.shape)
    close(heads(packed), interleaved(heads(weight)))
    unpacked = packed.reshape(H, pairs, 2, C).swapaxes(1, 2).reshape(weight.shape)
    np.testing.assert_array_equal(unpacked, weight)


@given(examples(LAYER))
def test_later_rows_may_be_turned_alone(case):
    x, options = case.example.inputs["x"], case.example.options
    y, _ = rope.forward(x, **options)
    for t in range(x.shape[-2]):
        alone, _ = rope.forward(x[..., t : t + 1, :], base=options["base"],
                                start=options["start"] + t)
        np.testing.assert_array_equal(alone, y[..., t : t + 1, :])


@pytest.mark.parametrize("base", [10000.0, 100000.0])
def test_angles_are_exact_in_float32_at_late_positions(base):
    x = np.ones((8192, 64), np.float32)
    y, cache = rope.forward(x, base=base)
    exact, _ = rope.forward(x.astype(float), base=base)
    assert y.dtype == cache.cos.dtype == np.float32
    np.testing.assert_allclose(y, exact, atol=4e-7)  # angles in float32 would be off by 5e-4


@given(st.sampled_from([1, 3, 7]))
def test_an_odd_number_of_channels_is_refused_on_both_sides(D):
    import torch
    words = f"x has D = {D} channels a head; allowed: an even number"
    with pytest.raises(ValueError, match=words):
        rope.forward(np.ones((2, D)))
    with pytest.raises(ValueError, match=words):
        twin("rope").RoPE()(torch.ones(2, D))
