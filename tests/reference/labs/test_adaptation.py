"""Adapters of a whole model: at first nothing changes; merged and layer by layer are the same."""

import numpy as np
import pytest
import torch

from compare.layers import weights
from compare.layers.source import twin
from reference import gpt, llama
from reference.labs import adaptation, lora
from reference.tools import tree

MODELS = {"GPT": (gpt, gpt.Config(11, 9, 2, 2, 8)),
          "Llama": (llama, llama.Config(11, 9, 2, 4, 2, 8, 12))}
EACH = {"GPT": 4, "Llama": 7}  # adapters of a block
IDS = np.random.default_rng(0).integers(0, 11, (2, 10))
TOKENS, TARGETS = IDS[:, :-1], IDS[:, 1:]


def drawn(like, rng):
    return tree.map(lambda a: 0.3 * rng.standard_normal(a.shape), like)


@pytest.mark.parametrize("name", MODELS)
def test_merged_weights_and_layer_by_layer_give_the_same_loss_and_gradients(name):
    rng, (model, config) = np.random.default_rng(1), MODELS[name]
    p = drawn(model.init(config, rng, np.float64), rng)
    adapters = drawn(adaptation.init(p, 3, rng), rng)
    before = [a.copy() for a in tree.leaves((p, adapters))]
    loss, grads = adaptation.loss_and_grad(
        TOKENS, TARGETS, adapters, config=config, model=model, frozen=p, scale=0.7)
    assert all(map(np.array_equal, before, tree.leaves((p, adapters))))
    stem = model.__name__.split(".")[-1]
    module = weights.load_into(getattr(twin(stem), name)(**vars(config)).double(), p)
    module = twin("adaptation").adapt(module, rank=3, scale=0.7).double()
    learned = {n: q for n, q in module.named_parameters() if q.requires_grad}
    named = dict(tree.walk(adapters))
    assert learned.keys() == named.keys() and len(named) == 2 * 2 * EACH[name]
    with torch.no_grad():
        for key, parameter in learned.items():
            parameter.copy_(torch.from_numpy(named[key]))
    theirs = twin("adaptation").loss(*map(torch.from_numpy, (TOKENS, TARGETS)), module)
    theirs.backward()
    assert loss == pytest.approx(theirs.item(), abs=1e-13)
    for key, grad in tree.walk(grads):
        np.testing.assert_allclose(grad, learned[key].grad.numpy(), rtol=1e-10, atol=1e-13)


def test_at_the_start_the_model_is_as_it_was_and_a_has_no_gradient():
    rng, (model, config) = np.random.default_rng(2), MODELS["GPT"]
    p = drawn(model.init(config, rng, np.float64), rng)
    adapters = adaptation.init(p, 2, rng)
    for a, merged in zip(tree.leaves(p), tree.leaves(adaptation.adapt(p, adapters, scale=2.0))):
        np.testing.assert_array_equal(a, merged)
    _, grads = adaptation.loss_and_grad(TOKENS, TARGETS, adapters, config=config, model=model,
                                        frozen=p, scale=2.0)
    for name, grad in tree.walk(grads):
        assert grad.any() == name.endswith(".b"), name


def test_only_matrices_of_the_blocks_are_adapted_in_their_dtype():
    p = gpt.init(gpt.Config(11, 9, 1, 2, 8), np.random.default_rng(0), np.float32)
    adapters = adaptation.init(p, 2, np.random.default_rng(0))
    shapes = {name: a.shape for name, a in tree.walk(adapters)}
    assert shapes["blocks.0.attention.qkv.weight.a"] == (2, 8)
    assert shapes["blocks.0.attention.qkv.weight.b"] == (24, 2) and len(shapes) == 8
    assert {a.dtype for a in tree.leaves(adapters)} == {np.dtype(np.float32)}
    assert {a.dtype for a in tree.leaves(adaptation.adapt(p, adapters, scale=0.5))} \
        == {np.dtype(np.float32)}
    assert adapters.embedding.token.weight == () and isinstance(
        adapters.blocks[0].mlp.up.weight, lora.Params)


def test_a_rank_below_1_is_refused():
    p = gpt.init(gpt.Config(11, 9, 1, 2, 8), np.random.default_rng(0))
    with pytest.raises(ValueError, match="rank is 0; allowed: 1 or more"):
        adaptation.init(p, 0, np.random.default_rng(0))
