"""What megabyte.md proves: no byte sees itself or a later one; and what the model refuses."""

import numpy as np
import pytest
import torch
from hypothesis import given

from compare.layers import weights
from compare.layers.table import LAYERS
from reference import gpt
from reference.labs import megabyte
from reference.tools import tree
from strategies import examples
from torch_impl.labs.megabyte import Megabyte

CONFIG = megabyte.Config(vocab_size=7, block_size=12, patch=3, n_global=1, n_local=2, n_head=2,
                         n_embd=4)


@given(examples(LAYERS["megabyte"]))
def test_a_changed_byte_moves_no_logit_up_to_its_own(case):
    p, config = case.example.params, case.example.options["config"]
    tokens = case.example.inputs["tokens"]
    logits, cache = megabyte.forward(tokens, p, config=config)
    if config.vocab_size == 1:
        return
    model = weights.load_into(Megabyte(**vars(config)), p)
    for t in range(tokens.shape[1]):
        other = tokens.copy()
        other[:, t] = (other[:, t] + 1) % config.vocab_size
        moved = np.abs(megabyte.forward(other, p, config=config)[0] - logits)
        theirs = model(torch.from_numpy(other)) - model(torch.from_numpy(tokens))
        for change in moved.max((0, 2)), theirs.detach().abs().amax((0, 2)).numpy():
            assert not change[:t + 1].any()
        only = np.zeros_like(logits)
        only[:, t] = case.dy[:, t]
        dposition = megabyte.backward(only, cache).embedding.position.weight
        assert not dposition[t:].any()  # what tells byte t has read no byte from t on


def test_a_byte_goes_to_all_later_patches_by_the_global_model_and_within_its_own_by_the_local():
    rng = np.random.default_rng(0)
    p = tree.map(lambda a: rng.standard_normal(a.shape), megabyte.init(CONFIG, rng, np.float64))
    tokens = rng.integers(0, 7, (1, 12))
    other = tokens.copy()
    other[0, 4] = (other[0, 4] + 1) % 7  # in the middle of the second patch of four
    mute = {name: tuple(map(still, getattr(p, name))) for name in ("global_blocks", "local_blocks")}
    for q, moved in (p, [5, 6, 7, 8, 9, 10, 11]), (
            p._replace(global_blocks=mute["global_blocks"]), [5, 7, 8]), (  # by the stream alone
            p._replace(local_blocks=mute["local_blocks"]), [5, 6, 7, 8, 9, 10, 11]), (
            p._replace(**mute), [5, 7]):
        change = (megabyte.forward(other, q, config=CONFIG)[0]
                  - megabyte.forward(tokens, q, config=CONFIG)[0])
        assert np.flatnonzero(np.abs(change).max((0, 2))).tolist() == moved


def still(block):
    """Return a block that adds nothing to its stream."""
    return block._replace(
        attention=block.attention._replace(proj=tree.map(np.zeros_like, block.attention.proj)),
        mlp=block.mlp._replace(down=tree.map(np.zeros_like, block.mlp.down)))


def test_it_starts_as_a_gpt_does():
    p = megabyte.init(CONFIG, np.random.default_rng(3), np.float64, 0.1)
    over = gpt.init(gpt.Config(7, 12, 1, 2, 12), np.random.default_rng(3), np.float64, 0.1)
    assert all(map(np.array_equal, tree.leaves(p.global_blocks), tree.leaves(over.blocks)))
    assert p.start_patch.shape == (3, 4) and p.start_byte.shape == (4,)
    assert 0.05 < np.concatenate((p.start_patch.ravel(), p.start_byte)).std() < 0.2


@pytest.mark.parametrize("wrong", [{"n_global": 2}, {"n_local": 1}, {"patch": 4}, {"n_embd": 8},
                                   {"block_size": 15}, {"vocab_size": 8}])
def test_a_config_of_another_model_is_refused(wrong):
    p = megabyte.init(CONFIG, np.random.default_rng(0))
    config = megabyte.Config(**vars(CONFIG) | wrong)
    with pytest.raises(ValueError, match=f"config.{[*wrong][0]} is .*; allowed: "):
        megabyte.forward(np.zeros((1, 12), int), p, config=config)


@pytest.mark.parametrize("wrong", [{"n_global": 0}, {"n_local": 0}, {"n_embd": 5}, {"n_head": True}])
def test_a_size_that_cannot_be_built_is_refused(wrong):
    with pytest.raises(ValueError, match="is .*; allowed: "):
        megabyte.Config(**vars(CONFIG) | wrong)


def test_a_text_that_is_no_whole_number_of_patches_is_refused_on_both_sides():
    p = megabyte.init(CONFIG, np.random.default_rng(0))
    for run in (lambda tokens: megabyte.forward(tokens, p, config=CONFIG),
                lambda tokens: Megabyte(**vars(CONFIG))(torch.from_numpy(tokens))):
        with pytest.raises(ValueError, match="tokens has 7 bytes a text; allowed: a multiple of"):
            run(np.zeros((1, 7), int))
