"""What grouped_attention.md proves: K = H is attention, shared heads are repeated ones, no future."""

import numpy as np
import pytest
from hypothesis import given

from compare.layers.source import twin
from compare.layers.table import LAYERS
from reference import attention, grouped_attention, linear, rope
from strategies import examples

LAYER = LAYERS["grouped_attention"]


def close(found, right):
    np.testing.assert_allclose(found, right, atol=1e-11)


def run(x, p, dy, options):
    y, cache = grouped_attention.forward(x, p, **options)
    dx, dp = grouped_attention.backward(dy, cache)
    return y, dx, dp


def repeated(p, options):
    """The same layer with a copy of each head of keys and values for every head of queries."""
    H, K = options["n_head"], options["n_kv_head"]

    def copies(p):
        heads = p.weight.reshape(K, -1, p.weight.shape[-1])
        return linear.Weight(np.repeat(heads, H // K, axis=0).reshape(-1, p.weight.shape[-1]))

    return p._replace(k=copies(p.k), v=copies(p.v)), options | {"n_kv_head": H}


@given(examples(LAYER))
def test_a_shared_head_is_a_repeated_one_whose_gradients_are_summed(case):
    x, p, options = case.example.inputs["x"], case.example.params, case.example.options
    y, dx, dp = run(x, p, case.dy, options)
    more_y, more_dx, more_dp = run(x, *repeated(p, options)[:1], case.dy, repeated(p, options)[1])
    close(more_y, y)
    close(more_dx, dx)
    K, C = options["n_kv_head"], x.shape[-1]
    D = C // options["n_head"]
    for name in "k", "v":
        summed = getattr(more_dp, name).weight.reshape(K, -1, D, C).sum(1)
        close(summed.reshape(K * D, C), getattr(dp, name).weight)


@given(examples(LAYER))
def test_without_turns_it_is_attention_with_repeated_keys_and_values(case):
    x, options = case.example.inputs["x"], case.example.options
    p, _ = repeated(case.example.params, options)
    stacked = np.concatenate([p.q.weight, p.k.weight, p.v.weight])
    plain = attention.Params(linear.Params(stacked, np.zeros(len(stacked))),
                             linear.Params(p.proj.weight, np.zeros(x.shape[-1])))
    theirs, cache = attention.forward(x, plain, n_head=options["n_head"])
    their_dx, _ = attention.backward(case.dy, cache)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rope, "forward", lambda x, base: (x.copy(), None))
        patch.setattr(rope, "backward", lambda dy, cache: dy)
        y, dx, _ = run(x, case.example.params, case.dy, options)
    close(y, theirs)
    close(dx, their_dx)


@given(examples(LAYER))
def test_no_position_sees_a_later_one(case):
    x, p, options = case.example.inputs["x"], case.example.params, case.example.options
    y, cache = grouped_attention.forward(x, p, **options)
    for t in range(x.shape[1]):
        changed = x.copy()
        changed[:, t + 1:] += 3.0
        np.testing.assert_array_equal(
            grouped_attention.forward(changed, p, **options)[0][:, : t + 1], y[:, : t + 1])
        only = np.zeros_like(case.dy)
        only[:, t] = case.dy[:, t]
        assert not grouped_attention.backward(only, cache)[0][:, t + 1:].any()


@given(examples(LAYER))
def test_only_distances_count(case):
    """Turning everything further by the same angle changes nothing: positions may start anywhere."""
    x, p, options = case.example.inputs["x"], case.example.params, case.example.options
    y, dx, _ = run(x, p, case.dy, options)
    turned = rope.forward
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rope, "forward", lambda x, base: turned(x, base=base, start=70))
        later_y, later_dx, _ = run(x, p, case.dy, options)
    close(later_y, y)
    close(later_dx, dx)


@pytest.mark.parametrize("n_head, n_kv_head, words", [
    (5, 1, "x has C = 12 channels; allowed: a multiple of n_head = 5"),
    (4, 1, "x has D = 3 channels a head; allowed: an even number"),
    (6, 4, "n_kv_head is 4; allowed: a divisor of n_head = 6"),
    (6, 2, r"k has shape \(2, 12\); allowed: \(4, 12\)")])
def test_sizes_that_do_not_fit_are_refused(n_head, n_kv_head, words):
    D = max(12 // n_head, 1)
    wide, narrow = (linear.Weight(np.ones((rows, 12))) for rows in (12, D))
    p = grouped_attention.Params(wide, narrow, narrow, wide)
    with pytest.raises(ValueError, match=f"^{words}$"):
        grouped_attention.forward(np.ones((1, 2, 12)), p, n_head=n_head, n_kv_head=n_kv_head)
    if "shape" not in words and "D =" not in words:
        with pytest.raises(ValueError, match="; allowed: a (multiple|divisor) of n_head"):
            twin("grouped_attention").GroupedAttention(12, n_head, n_kv_head)
