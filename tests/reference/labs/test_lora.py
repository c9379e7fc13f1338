"""What lora.md proves: merged equals unmerged, no gradient of A at the start, and what is refused."""

import math

import numpy as np
import pytest
from hypothesis import given

from compare.layers.table import LAYERS
from reference import linear
from reference.labs import lora
from strategies import examples


@given(examples(LAYERS["lora"]))
def test_it_is_the_linear_layer_of_the_merged_weight(case):
    (x,), p = case.example.inputs.values(), case.example.params
    scale, weight = case.example.options["scale"], case.example.constants["weight"]
    y, cache = lora.forward(x, p, weight=weight, scale=scale)
    merged = linear.Params(weight + scale * p.b @ p.a, np.zeros(len(weight)))
    y_merged, merged_cache = linear.forward(x, merged)
    np.testing.assert_allclose(y, y_merged, rtol=1e-12, atol=1e-12)
    dx, grads = lora.backward(case.dy, cache)
    dx_merged, dmerged = linear.backward(case.dy, merged_cache)
    np.testing.assert_allclose(dx, dx_merged, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(grads.a, scale * p.b.T @ dmerged.weight, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(grads.b, scale * dmerged.weight @ p.a.T, rtol=1e-11, atol=1e-11)


@given(examples(LAYERS["lora"]))
def test_while_b_is_0_nothing_changes_and_only_b_has_a_gradient(case):
    (x,), p = case.example.inputs.values(), case.example.params
    given = case.example.options | case.example.constants
    y, cache = lora.forward(x, p._replace(b=np.zeros_like(p.b)), **given)
    np.testing.assert_array_equal(y.reshape(-1, y.shape[-1]),
                                  x.reshape(-1, x.shape[-1]) @ given["weight"].T)
    _, grads = lora.backward(case.dy, cache)
    assert not grads.a.any() and grads.b.any()


def test_the_weight_may_be_dropped_and_unpacked_again():
    rng = np.random.default_rng(0)
    weight, x, dy = rng.standard_normal((5, 3)), rng.standard_normal((4, 3)), np.ones((4, 5))
    p = lora.Params(rng.standard_normal((2, 3)), rng.standard_normal((5, 2)))
    _, cache = lora.forward(x, p, weight=weight, scale=2.0)
    dropped = cache._replace(weight=None)
    assert not any(a is weight for a in dropped)
    again = lora.backward(dy, dropped._replace(weight=weight.copy()))
    np.testing.assert_array_equal(again[0], lora.backward(dy, cache)[0])


@pytest.mark.parametrize("scale", [0, -1.0, math.inf, math.nan])
def test_a_scale_out_of_range_is_refused(scale):
    p = lora.Params(np.zeros((1, 2)), np.zeros((2, 1)))
    with pytest.raises(ValueError, match=f"scale is {scale}; allowed: a finite number above 0"):
        lora.forward(np.zeros((3, 2)), p, weight=np.eye(2), scale=scale)


def test_factors_of_two_ranks_are_refused():
    p = lora.Params(np.zeros((1, 2)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"b has shape \(2, 3\); allowed: \(O, R\)"):
        lora.forward(np.zeros((3, 2)), p, weight=np.eye(2), scale=1.0)
