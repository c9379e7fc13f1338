"""Batches whose gradients are accumulated are as one."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

import torch_impl.gpt
import torch_impl.train
from compare.layers import weights
from reference import gpt, train
from reference.tools import tree
from strategies import configs, seeds


def parts_of(config, seed, count):
    """Draw batches of different sizes, some of whose targets are ignored, and the batch of all."""
    rng = np.random.default_rng(seed)
    parts = []
    for _ in range(count):
        B, T = rng.integers(1, 4), config.block_size
        tokens, targets = rng.integers(0, config.vocab_size, (2, B, T))
        targets[rng.random((B, T)) < 0.4] = -100
        parts.append((tokens, targets, gpt.draw_keep(rng, B, T, config)))
    tokens, targets = (np.concatenate([part[i] for part in parts]) for i in range(2))
    keeps = [part[2] for part in parts]
    keep = keeps[0] and tree.map(lambda *masks: np.concatenate(masks), *keeps)
    return parts, (tokens, targets, keep)


@given(configs(), seeds, st.integers(2, 4))
def test_accumulated_parts_have_the_gradient_of_the_whole(config, seed, count):
    parts, (tokens, targets, keep) = parts_of(config, seed, count)
    assume((targets != -100).any() and config.n_embd > 2)  # or layer_norm is ill-conditioned
    p = gpt.init(config, np.random.default_rng(seed), np.float64)
    p = tree.map(lambda a: np.random.default_rng(a.size).standard_normal(a.shape), p)
    wanted, grads = gpt.loss_and_grad(tokens, targets, p, config=config, keep=keep)
    loss, ours = train.accumulated(parts, p, config, gpt.loss_and_grad)
    model = weights.load_into(torch_impl.gpt.GPT(**vars(config)), p)
    theirs = torch_impl.train.accumulated(
        [(torch.from_numpy(a), torch.from_numpy(b), keep and weights.to_torch(keep))
         for a, b, keep in parts], model, torch_impl.train.CrossEntropy())
    assert abs(loss - wanted) <= 1e-12 * max(1, wanted) and abs(theirs - wanted) <= 1e-12 * max(1, wanted)
    found = weights.gradients(model)
    for (name, grad), mine in zip(tree.walk(grads), tree.leaves(ours)):
        size = max(1e-2, np.abs(grad).max())  # terms are O(1): below, their rounding is seen
        assert np.abs(mine - grad).max() <= 1e-11 * size, name
        assert np.abs(found[name] - grad).max() <= 1e-11 * size, name


def test_parts_that_count_nowhere_are_refused_together():
    config = gpt.Config(3, 2, 1, 1, 1)
    p = gpt.init(config, np.random.default_rng(0))
    part = np.zeros((1, 2), int), np.full((1, 2), -100), None
    with pytest.raises(ValueError, match="every target is ignore_index"):
        train.accumulated([part, part], p, config, gpt.loss_and_grad)
