"""What llama_block.md proves: the stream itself goes through, and a branch sees no length."""

import numpy as np
from hypothesis import given

from compare.layers.table import LAYERS
from reference import linear, llama_block
from strategies import examples

BLOCK = LAYERS["llama_block"]


def silent(p):
    return linear.Weight(np.zeros_like(p.weight))


@given(examples(BLOCK))
def test_with_silent_branches_it_is_the_identity(case):
    x, p = case.example.inputs["x"], case.example.params
    p = p._replace(attention=p.attention._replace(proj=silent(p.attention.proj)),
                   mlp=p.mlp._replace(down=silent(p.mlp.down)))
    y, cache = llama_block.forward(x, p, **case.example.options)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(llama_block.backward(case.dy, cache)[0], case.dy)


@given(examples(BLOCK))
def test_no_position_sees_a_later_one(case):
    x, p, options = case.example.inputs["x"], case.example.params, case.example.options
    y, cache = llama_block.forward(x, p, **options)
    for t in range(x.shape[1]):
        changed, only = x.copy(), np.zeros_like(case.dy)
        changed[:, t + 1:] += 3.0
        np.testing.assert_array_equal(
            llama_block.forward(changed, p, **options)[0][:, : t + 1], y[:, : t + 1])
        only[:, t] = case.dy[:, t]
        assert not llama_block.backward(only, cache)[0][:, t + 1:].any()


@given(examples(BLOCK))
def test_a_longer_stream_gets_the_same_from_attention_and_gives_it_less_gradient(case):
    """With the MLP silent and no eps: the branch is the same, its gradient is divided."""
    x, p = case.example.inputs["x"], case.example.params
    p = p._replace(mlp=p.mlp._replace(down=silent(p.mlp.down)))
    options = case.example.options | {"eps": 0.0}
    y, cache = llama_block.forward(x, p, **options)
    far, far_cache = llama_block.forward(64 * x, p, **options)
    np.testing.assert_allclose(far - 64 * x, y - x, atol=1e-11)
    branch, far_branch = (llama_block.backward(case.dy, c)[0] - case.dy
                          for c in (cache, far_cache))
    np.testing.assert_allclose(64 * far_branch, branch, rtol=1e-9, atol=1e-10)
    along = (x * branch).sum(-1)  # a row's length changes nothing
    assert np.abs(along).max() <= 1e-11 * max(1, np.abs(x * branch).max())
