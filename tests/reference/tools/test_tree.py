"""Trees: those of two forms are refused, and the place where they differ is named."""

import collections
import re

import numpy as np
import pytest

from reference import adamw, gpt
from reference.fast import fused_adamw
from reference.tools import tree

CONFIG = gpt.Config(vocab_size=7, block_size=4, n_layer=2, n_head=2, n_embd=8)
P = gpt.init(CONFIG, np.random.default_rng(0), np.float64)


def with_blocks(number):
    return P._replace(blocks=(P.blocks * number)[:number])


Twin = collections.namedtuple("Twin", "weight bias")
Other = collections.namedtuple("Other", "weight scale")


@pytest.mark.parametrize("trees, words", [
    ((P, with_blocks(3)), "blocks: 2 branches against 3 branches"),
    ((with_blocks(3), P, P), "blocks: 3 branches against 2 branches"),
    ((P, P, with_blocks(1)), "blocks: 2 branches against 1 branch"),
    ((P, P._replace(norm=Other(1, 2))),
     "norm: the fields weight, bias against the fields weight, scale"),
    ((P, P._replace(norm=(1, 2))), "norm: the fields weight, bias against 2 branches"),
    ((P._replace(norm=(1, 2, 3)), P), "norm: 3 branches against the fields weight, bias"),
    ((P, P._replace(norm=np.ones(8))), "norm: the fields weight, bias against a leaf"),
    ((P._replace(norm=np.ones(8)), P), "norm: a leaf against the fields weight, bias"),
    ((P, P._replace(blocks=(P.blocks[0], P.blocks[1]._replace(
        norm_2=Twin(np.ones(8), (1, 2)))))), "blocks.1.norm_2.bias: a leaf against 2 branches"),
    (((), (1,)), "the root: 0 branches against 1 branch"),
    ((np.ones(2), (1, 2)), "the root: a leaf against 2 branches"),
])
def test_trees_of_two_forms_are_refused(trees, words):
    with pytest.raises(ValueError, match=f"^trees differ at {re.escape(words)}; "
                                         "allowed: trees of one form$"):
        tree.map(lambda *leaves: leaves[0], *trees)


def test_trees_of_the_same_fields_are_of_one_form():
    p = P._replace(norm=Twin(*P.norm))
    found = tree.map(lambda a, b: a + b, P, p)
    assert type(found.norm) is type(P.norm)
    np.testing.assert_array_equal(found.norm.weight, 2 * P.norm.weight)


def test_an_error_of_the_function_stays_what_it_is():
    def fail(_):
        raise ValueError("mine")
    with pytest.raises(ValueError, match="^mine$"):
        tree.map(fail, P)


def test_an_optimizer_names_where_gradients_are_another_models():
    optimizer = fused_adamw.FusedAdamW(P)
    with pytest.raises(ValueError, match="trees differ at blocks: 2 branches against 3"):
        optimizer.clip(with_blocks(3), 1.0)
    with pytest.raises(ValueError, match="trees differ at blocks: 2 branches against 3"):
        adamw.update(P, with_blocks(3), adamw.init(P), lr=1e-3)
