"""What embedding.md proves: repeated ids accumulate, rows that no token names get nothing."""

import numpy as np
import pytest
from hypothesis import given

from compare.layers.table import LAYERS
from reference import embedding
from strategies import examples


@given(examples(LAYERS["embedding"]))
def test_each_row_gets_the_sum_over_its_tokens(case):
    tokens = case.example.inputs["tokens"]
    _, cache = embedding.forward(tokens, case.example.params)
    grads = embedding.backward(case.dy, cache)
    for v in range(case.sizes["V"]):
        np.testing.assert_allclose(grads.token.weight[v], case.dy[tokens == v].sum(0), atol=1e-14)
    assert not grads.position.weight[case.sizes["T"]:].any()


@pytest.mark.parametrize("tokens, error, words", [
    (np.array([[-1]]), IndexError, "tokens holds the id -1; allowed: 0 to 4"),
    (np.array([[0, 5]]), IndexError, "tokens holds the id 5; allowed: 0 to 4"),
    (np.array([[0, 1, 2, 3]]), ValueError, "T from 1 to 3"),
    (np.zeros((2, 0), int), ValueError, "at least one id"),
    (np.array([0, 1]), ValueError, r"allowed: \(B, T\)"),
    (np.array([[0.0]]), TypeError, "tokens has dtype float64"),
    ([[0, 1]], TypeError, "tokens has dtype list"),
])
def test_bad_tokens_are_refused(tokens, error, words):
    p = embedding.Params(embedding.Table(np.zeros((5, 2))), embedding.Table(np.zeros((3, 2))))
    with pytest.raises(error, match=words):
        embedding.forward(tokens, p)
