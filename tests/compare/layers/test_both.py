"""What is wrong in a layer that is being added is said in a sentence, and sizes in words."""

import dataclasses

import numpy as np
import pytest
from torch import nn

from compare.checks.trial import Trial
from compare.layers import both
from compare.layers.models import torch_model
from compare.layers.row import Layer
from compare.layers.sizes import in_words
from compare.layers.table import LAYERS
from reference import gpt, layer_norm
from reference.gpt import Config
from reference.tools import tree

NORM = LAYERS["layer_norm"]


def test_gradients_in_another_order_are_refused(monkeypatch):
    right = layer_norm.backward
    monkeypatch.setattr(layer_norm, "backward", lambda dy, cache: right(dy, cache)[::-1])
    trial = Trial(NORM, {"B": 1, "T": 2, "C": 3}, 0)
    with pytest.raises(ValueError, match="backward returns the gradients .*; allowed: x, weight, bias, the"):
        trial.torch()


def test_parameters_of_other_names_than_torchs_are_refused():
    class Scaled(nn.LayerNorm):
        def __init__(self, C):
            super().__init__(C, bias=False)

    layer = dataclasses.replace(NORM, module=lambda n, e: Scaled(n["C"]))
    n = {"B": 1, "T": 2, "C": 3}
    example = layer.example(n, 0)
    with pytest.raises(ValueError, match="Params has weight, bias; allowed: the names that Scaled has, weight"):
        both.run_torch(layer, n, example, both.draw_cotangent(layer, example, 0))


def test_a_letter_without_sizes_is_refused():
    with pytest.raises(ValueError, match="letters of x holds X; allowed: B, T, .* compare/layers/sizes.py"):
        Layer("x", "BX", NORM.draw, NORM.module, {})


def test_the_block_size_that_is_said_is_that_of_the_position_table():
    layer, n = LAYERS["embedding"], {"B": 1, "T": 3, "V": 5, "S": 2, "C": 4}
    assert layer.example(n, 0).params.position.weight.shape == (4, 4)
    assert in_words(n) == "B = 1, T = 3, V = 5, S = 4, C = 4"


def test_a_torch_model_has_copies_or_shares_the_memory_of_numpys_parameters():
    config = Config(5, 4, 1, 2, 8)
    params = gpt.init(config, np.random.default_rng(0))
    for shared in False, True:
        theirs = dict(torch_model(config, params, shared).named_parameters())
        assert all(p.requires_grad and p.device.type == "cpu" for p in theirs.values())
        for name, a in tree.walk(params):
            assert np.array_equal(theirs[name].detach().numpy(), a)
            assert np.shares_memory(theirs[name].detach().numpy(), a) == shared
