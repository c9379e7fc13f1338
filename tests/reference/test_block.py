"""What block.md proves: with both branches silent the block is the identity, and so is its vjp."""

import numpy as np
from hypothesis import given

from compare.layers.table import LAYERS
from reference import block, linear
from strategies import examples


@given(examples(LAYERS["block"]))
def test_with_silent_branches_it_is_the_identity(case):
    x, p = case.example.inputs["x"], case.example.params
    p = p._replace(attention=p.attention._replace(proj=silent(p.attention.proj)),
                   mlp=p.mlp._replace(down=silent(p.mlp.down)))
    y, cache = block.forward(x, p, **case.example.options, **case.example.masks)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(block.backward(case.dy, cache)[0], case.dy)


def silent(p):
    return linear.Params(np.zeros_like(p.weight), np.zeros_like(p.bias))
