"""Sampling: both sides write the same from one seed, beyond the block size too."""

import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import reference.generate
import torch_impl.generate
from compare import lockstep
from strategies import configs, seeds


@settings(max_examples=20)
@given(configs(), seeds, st.sampled_from([0.1, 1.0, 3.0]))
def test_both_sides_write_the_same(config, seed, temperature):
    params, model = lockstep.build(lockstep.Run(config, seed=seed))
    prompt = np.random.default_rng(seed).integers(0, config.vocab_size, 2)
    ours = reference.generate.generate(prompt, params, config=config, count=10,
                                       rng=random.Random(seed), temperature=temperature)
    theirs = torch_impl.generate.generate(
        torch.from_numpy(prompt), model, block_size=config.block_size, count=10,
        rng=random.Random(seed), temperature=temperature)
    assert ours.shape == (12,)
    np.testing.assert_array_equal(ours, theirs.numpy())


@given(seeds, st.floats(0, 1, exclude_max=True))
def test_pick_inverts_the_distribution(seed, uniform):
    probs = np.random.default_rng(seed).dirichlet(np.ones(5))
    probs[2] = 0.0
    picked = reference.generate.pick(probs, uniform)
    edges = np.append(0, probs.cumsum()) / probs.sum()
    assert edges[picked] <= uniform + 1e-15 and uniform <= edges[picked + 1] + 1e-15
    assert picked != 2


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_a_temperature_that_is_not_above_zero_is_refused(temperature):
    with pytest.raises(ValueError, match="temperature is .*; allowed: above 0"):
        reference.generate.generate(np.array([0]), None, config=None, count=1, rng=random,
                                    temperature=temperature)
