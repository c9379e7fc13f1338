"""What attention.md proves: the key bias has no gradient, the past no view of the future."""

import numpy as np
import pytest
import torch
from hypothesis import given

import own_dropout
import torch_impl.attention
from chance import hold_random, in_rows
from compare.layers.table import LAYERS
from reference import attention
from strategies import examples


@given(examples(LAYERS["attention"]))
def test_the_gradient_of_the_key_bias_is_zero(case):
    x = case.example.inputs["x"]
    _, cache = attention.forward(x, case.example.params, **case.example.options,
                                 **case.example.constants)
    _, grads = attention.backward(case.dy, cache)
    dq, dk, dv = np.split(grads.qkv.bias, 3)
    # a sum of B T T terms of the size of q, each rounded: zero up to their rounding
    assert np.abs(dk).max() <= 1e-13 * max(1, np.abs(dv).max()) * max(1, np.abs(cache.q).max())


@given(examples(LAYERS["attention"]))
def test_heads_split_and_merge_undo_each_other(case):
    x, H = case.example.inputs["x"], case.sizes["H"]
    np.testing.assert_array_equal(attention.merge_heads(attention.split_heads(x, H)), x)


def own(rate=0.3, B=600, T=4, C=6):
    """A torch attention, and a batch of one sequence over and over."""
    torch.manual_seed(0)
    module = torch_impl.attention.Attention(C, 2, rate).double()
    return module, torch.randn(1, T, C, dtype=torch.double).expand(B, T, C)


def test_masks_are_random_on_both_sides():
    keep = attention.draw_keep(np.random.default_rng(0), 600, 4, 6, 2, 0.3)
    assert keep.weights.shape == (600, 2, 4, 4) and keep.output.shape == (600, 4, 6)
    hold_random(in_rows(keep), 0.3)
    _, keep = own_dropout.draw(*own())
    hold_random(in_rows(keep), 0.3)


def test_the_mean_over_torchs_own_masks_is_attention_without_dropout():
    module, x = own(B=20_000)
    y = module(x).detach()
    truth = module.eval()(x)[0].detach()
    # means of 20,000: chance takes one of the 24 beyond 5 deviations once in 70,000 times
    assert ((y.mean(0) - truth).abs() <= 5 * y.std(0) / len(y) ** 0.5).all()


def test_channels_that_do_not_divide_into_heads_are_refused():
    with pytest.raises(ValueError, match="x has C = 3 channels; allowed: a multiple of n_head = 2"):
        attention.forward(np.zeros((1, 2, 3)), None, n_head=2)
