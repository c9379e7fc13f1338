"""What block.md proves: with both branches silent the block is the identity, and so is its vjp."""

import numpy as np
from hypothesis import given

from chance import hold_random, in_rows
from compare.layers.table import LAYERS
from reference import block, linear
from strategies import examples


@given(examples(LAYERS["block"]))
def test_with_silent_branches_it_is_the_identity(case):
    x, p = case.example.inputs["x"], case.example.params
    p = p._replace(attention=p.attention._replace(proj=silent(p.attention.proj)),
                   mlp=p.mlp._replace(down=silent(p.mlp.down)))
    y, cache = block.forward(x, p, **case.example.options, **case.example.constants)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(block.backward(case.dy, cache)[0], case.dy)


def test_masks_are_random():
    keep = block.draw_keep(np.random.default_rng(0), 600, 4, 6, 2, 0.3)
    assert keep.attention.weights.shape == (600, 2, 4, 4)
    assert keep.attention.output.shape == keep.mlp.shape == (600, 4, 6)
    hold_random(in_rows(keep), 0.3)


def silent(p):
    return linear.Params(np.zeros_like(p.weight), np.zeros_like(p.bias))
