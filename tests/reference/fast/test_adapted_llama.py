"""A frozen llama with adapters, block by block: the gradients of the whole, over packed weights."""

import numpy as np
import pytest
from hypothesis import given

from reference import llama, llama_decode
from reference.fast import adapted_llama
from reference.fast.packed import as_floats
from reference.labs import adaptation
from reference.tools import tree
from strategies import llama_configs, seeds


def drawn(config, seed, dtype="f8"):
    """A frozen llama, adapters that are not 0, ids and targets."""
    rng = np.random.default_rng(seed)
    frozen = llama.init(config, rng, np.dtype(dtype), std=0.5)
    adapters = tree.map(lambda a: rng.standard_normal(a.shape).astype(dtype),
                        adaptation.init(frozen, 2, rng))
    tokens, targets = rng.integers(0, config.vocab_size, (2, 2, config.block_size))
    return frozen, adapters, tokens, targets


@given(llama_configs(), seeds)
def test_loss_and_gradients_are_those_of_the_merged_model(config, seed):
    frozen, adapters, tokens, targets = drawn(config, seed)
    options = dict(config=config, frozen=frozen, scale=0.5)
    loss, grads = adapted_llama.loss_and_grad(tokens, targets, adapters, **options)
    truth, true = adaptation.loss_and_grad(tokens, targets, adapters, model=llama, **options)
    assert abs(loss - truth) <= 1e-12 * abs(truth)
    assert loss == adapted_llama.loss(tokens, targets, adapters, **options)
    for (name, ours), (other, theirs) in zip(tree.walk(grads), tree.walk(true), strict=True):
        assert name == other and ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() <= 1e-11 * max(1e-3, np.abs(theirs).max())


class Unpacked:
    """A weight that is floats only while it is asked for, as a packed one is."""

    def __init__(self, weight):
        self.held = weight

    def __getitem__(self, rows):
        return self.held[rows].copy()

    def floats(self):
        return self.held.copy()


@given(llama_configs(), seeds)
def test_a_cache_keeps_no_weight_and_packed_ones_serve_as_they_are(config, seed):
    frozen, adapters, tokens, targets = drawn(config, seed)
    packed = tree.map(lambda a: Unpacked(a) if a.ndim == 2 else a, frozen)
    _, cache = adapted_llama.forward(tokens, adapters, config=config, frozen=packed, scale=0.5)
    for block in cache.blocks:
        assert block.attention.p is None and block.mlp.p is None
    found, truth = (adapted_llama.loss_and_grad(tokens, targets, adapters, config=config,
                                                frozen=p, scale=0.5)[1] for p in (packed, frozen))
    assert all(map(np.array_equal, tree.leaves(found), tree.leaves(truth)))


@given(llama_configs(), seeds)
def test_a_weight_beside_its_adapter_writes_as_the_merged_one(config, seed):
    frozen, adapters, tokens, _ = drawn(config, seed)
    merged = adaptation.adapt(frozen, adapters, scale=0.5)
    _, memory = llama_decode.begin(tokens[0][:1], merged, config=config)
    p = adapted_llama.beside(frozen, adapters, 0.5)
    for weight, truth in zip(tree.leaves(p), tree.leaves(merged)):
        np.testing.assert_allclose(as_floats(weight[:]), truth, rtol=0, atol=1e-12)
    if config.block_size > 1:
        found, truth = (llama_decode.step(int(tokens[0, 1]), one, memory, 1)
                        for one in (p, merged))
        np.testing.assert_allclose(found, truth, rtol=1e-11, atol=1e-11)


def test_ids_and_cotangents_that_do_not_fit_are_refused():
    config = llama.Config(5, 4, 1, 1, 1, 2, 3)
    frozen, adapters, tokens, _ = drawn(config, 0)
    with pytest.raises(IndexError, match="tokens holds the id"):
        adapted_llama.forward(tokens + 9, adapters, config=config, frozen=frozen, scale=1)
    _, cache = adapted_llama.forward(tokens, adapters, config=config, frozen=frozen, scale=1)
    with pytest.raises(ValueError, match="dlogits has shape"):
        adapted_llama.backward(np.ones((1, 4, 5)), cache)
