"""What attention_only.md proves: it is the GPT whose MLPs say nothing; and what it refuses."""

import numpy as np
import pytest
from hypothesis import given

from compare.layers.draws import draw_mlp, draw_norm
from compare.layers.table import LAYERS
from reference import block, gpt
from reference.labs import attention_only
from reference.tools import tree
from strategies import examples
from torch_impl.labs.attention_only import AttentionOnly

CONFIG = gpt.Config(vocab_size=7, block_size=4, n_layer=2, n_head=2, n_embd=8)


@given(examples(LAYERS["attention_only"]))
def test_it_is_the_gpt_whose_mlps_say_nothing(case):
    p, config = case.example.params, case.example.options["config"]
    rng, C = np.random.default_rng(0), config.n_embd
    mlp = draw_mlp(rng, C)
    mlp = mlp._replace(down=tree.map(np.zeros_like, mlp.down))
    whole = gpt.Params(p.embedding, tuple(block.Params(*b, draw_norm(rng, C), mlp)
                                          for b in p.blocks), p.norm)
    tokens = case.example.inputs["tokens"]
    ours, cache = attention_only.forward(tokens, p, config=config)
    theirs, theirs_cache = gpt.forward(tokens, whole, config=config)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)
    grads = dict(tree.walk(gpt.backward(case.dy, theirs_cache)))
    for name, grad in tree.walk(attention_only.backward(case.dy, cache)):
        np.testing.assert_allclose(grad, grads[name], rtol=1e-10, atol=1e-10, err_msg=name)


def test_it_starts_as_the_gpt_does():
    ours, theirs = (dict(tree.walk(model.init(CONFIG, np.random.default_rng(3), np.float64, 0.1)))
                    for model in (attention_only, gpt))
    assert ours.keys() == {name for name in theirs if ".norm_2." not in name and ".mlp." not in name}
    assert all(np.array_equal(array, theirs[name]) for name, array in ours.items())
    assert abs(theirs["blocks.0.mlp.up.weight"].std() / 0.1 - 1) < 0.2
    assert abs(theirs["blocks.0.mlp.down.weight"].std() / 0.05 - 1) < 0.2  # 0.1 / sqrt(2 L)


@pytest.mark.parametrize("wrong", [{"n_layer": 3}, {"n_embd": 4}, {"dropout": 0.5}])
def test_a_config_of_another_model_is_refused(wrong):
    p, config = attention_only.init(CONFIG, np.random.default_rng(0)), gpt.Config(
        **vars(CONFIG) | wrong)
    with pytest.raises(ValueError, match=f"config.{[*wrong][0]} is .*; allowed: "):
        attention_only.forward(np.zeros((1, 2), int), p, config=config)


def test_torch_refuses_dropout():
    with pytest.raises(ValueError, match="dropout is 0.5; allowed: 0"):
        AttentionOnly(7, 4, 2, 2, 8, dropout=0.5)
