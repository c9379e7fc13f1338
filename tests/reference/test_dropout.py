"""What dropout.md proves, and that torch's own dropout is the same with the mask it drew."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

import torch_impl.dropout
from chance import hold_random
from compare.layers.table import LAYERS
from reference import dropout
from strategies import examples, seeds


@given(examples(LAYERS["dropout"]), seeds)
def test_it_is_torchs_own_dropout_with_the_mask_it_drew(case, seed):
    x, rate = case.example.inputs["x"], case.example.options["rate"]
    torch.manual_seed(seed)
    keep = F.dropout(torch.ones(x.shape, dtype=torch.float64), rate).numpy() > 0
    torch.manual_seed(seed)
    theirs = torch.from_numpy(x).requires_grad_()
    y = torch_impl.dropout.Dropout(rate)(theirs)
    y.backward(torch.from_numpy(case.dy))
    ours, cache = dropout.forward(x, keep, rate=rate)
    np.testing.assert_allclose(ours, y.detach().numpy(), rtol=1e-14)
    np.testing.assert_allclose(dropout.backward(case.dy, cache), theirs.grad.numpy(), rtol=1e-14)


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_masks_are_random_on_both_sides(rate):
    torch.manual_seed(0)
    theirs = torch_impl.dropout.Dropout(rate)(torch.ones(500, 200))
    hold_random(theirs.numpy() != 0, rate)
    hold_random(dropout.draw_keep(np.random.default_rng(0), (500, 200), rate), rate)


@given(examples(LAYERS["dropout"]))
def test_torch_drops_nothing_outside_of_training(case):
    x = torch.from_numpy(case.example.inputs["x"])
    assert torch.equal(torch_impl.dropout.Dropout(case.example.options["rate"]).eval()(x), x)


@given(seeds, st.sampled_from([0.0, 0.1, 0.5, 0.9]))
def test_the_mean_is_kept(seed, rate):
    n = 10_000
    keep = dropout.draw_keep(np.random.default_rng(seed), (n,), rate)
    y, _ = dropout.forward(np.ones(n), keep, rate=rate)
    # each y has mean 1 and variance rate / (1 - rate); 7 deviations of the mean of n of them
    assert abs(y.mean() - 1) <= 7 * np.sqrt(rate / (1 - rate) / n) + 1e-12


@pytest.mark.parametrize("rate", [-0.1, 1.0, 2.0, float("nan")])
def test_a_rate_outside_0_to_1_is_refused(rate):
    with pytest.raises(ValueError, match="rate is .*; allowed: 0 <= rate < 1"):
        dropout.forward(np.ones(3), np.ones(3, bool), rate=rate)
    with pytest.raises(ValueError, match="rate is .*; allowed: 0 <= rate < 1"):
        dropout.draw_keep(np.random.default_rng(0), (3,), rate)
    with pytest.raises(ValueError, match="rate is .*; allowed: 0 <= rate < 1"):
        torch_impl.dropout.Dropout(rate)


@pytest.mark.parametrize("keep, error, words", [
    (np.ones(4, bool), ValueError, r"keep has shape \(4,\); allowed: \(3,\)"),
    (np.ones((1, 3), bool), ValueError, r"keep has shape \(1, 3\); allowed: \(3,\)"),
    (np.ones(3), TypeError, "keep has dtype float64; allowed: bool, True where x is kept"),
    ([True] * 3, TypeError, "keep has dtype list; allowed: bool, True where x is kept"),
])
def test_a_mask_that_does_not_fit_is_refused(keep, error, words):
    with pytest.raises(error, match=words):
        dropout.forward(np.ones(3), keep, rate=0.5)
