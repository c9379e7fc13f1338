"""What positions.md proves: both sides have the same waves and the same turned model."""

import numpy as np
import pytest
import torch

from compare.layers import weights
from compare.layers.source import twin
from reference.gpt import Config
from reference.labs import attention_only, positions
from reference.tools import tree

CONFIG = Config(vocab_size=7, block_size=6, n_layer=2, n_head=2, n_embd=8)
RNG = np.random.default_rng(0)
P = tree.map(lambda a: RNG.standard_normal(a.shape), positions.init(CONFIG, RNG, np.float64))
TOKENS = RNG.integers(0, 7, (4, 5))
TARGETS = np.where(RNG.random((4, 5)) < 0.7, RNG.integers(0, 7, (4, 5)), -100)


def test_both_sides_have_the_same_waves():
    for size in (1, 2), (7, 6), (40, 32):
        ours, theirs = positions.waves(*size), twin("positions").waves(*size).numpy()
        np.testing.assert_allclose(ours, theirs, rtol=1e-14, atol=1e-14)
    assert np.ptp(ours[:, -1]) < 1e-4 and np.ptp(ours[:, 0]) > 1.9  # the slowest, the fastest


@pytest.mark.parametrize("function", [positions.waves, twin("positions").waves])
def test_an_odd_number_of_channels_is_refused(function):
    with pytest.raises(ValueError, match="D = 5 channels a head; allowed: an even number"):
        function(4, 5)


def test_both_sides_have_the_same_turned_model_and_its_gradients():
    model = weights.load_into(twin("positions").Turned(**vars(CONFIG)), P)
    loss, grads = positions.loss_and_grad(TOKENS, TARGETS, P, config=CONFIG)
    theirs = torch.nn.functional.cross_entropy(
        model(torch.from_numpy(TOKENS)).flatten(0, 1), torch.from_numpy(TARGETS).flatten())
    theirs.backward()
    assert abs(loss - theirs.item()) < 1e-13
    named = dict(model.named_parameters())
    assert named.keys() == {name for name, _ in tree.walk(grads)}
    for name, grad in tree.walk(grads):
        np.testing.assert_allclose(grad, named[name].grad.numpy(), rtol=1e-11, atol=1e-12,
                                   err_msg=name)


def test_it_starts_as_the_model_without_turns_but_for_its_table():
    ours, theirs = (dict(tree.walk(module.init(CONFIG, np.random.default_rng(3), np.float64, 0.1)))
                    for module in (positions, attention_only))
    assert not ours["embedding.position.weight"].any()
    for name in "embedding.token.weight", "blocks.1.attention.proj.weight":
        assert np.array_equal(ours[name], theirs[name])
    qkv = np.concatenate([ours[f"blocks.1.attention.{part}.weight"] for part in "qkv"])
    assert np.array_equal(qkv, theirs["blocks.1.attention.qkv.weight"])
