"""What skip_gram.md proves: repeats add up, each row stands for itself, and what is refused."""

import numpy as np
import pytest
from hypothesis import given

from compare.layers.table import LAYERS
from reference.embedding import Table
from reference.labs import skip_gram
from strategies import examples


@given(examples(LAYERS["skip_gram"]))
def test_each_score_pulls_its_two_rows_and_repeats_add_up(case):
    """With loops over the pairs: what a scatter that loses repeats gets wrong."""
    (words, contexts, noise), p = case.example.inputs.values(), case.example.params
    truth = np.zeros((2, case.sizes["V"], case.sizes["C"]))
    for word, context, drawn in zip(words, contexts, noise):
        for j, sign in [(context, -1), *((j, 1) for j in drawn)]:
            w, c = p.word.weight[word], p.context.weight[j]
            slope = sign / (1 + np.exp(-sign * (w @ c))) / len(words)
            truth[0, word] += slope * c
            truth[1, j] += slope * w
    grads = skip_gram.backward(1.0, skip_gram.forward(words, contexts, noise, p)[1])
    np.testing.assert_allclose([table.weight for table in grads], truth, rtol=0, atol=1e-13)


def test_equal_pairs_pull_as_one_does():
    """The mean of equal pairs; one that lost repeats would have a tenth of it."""
    p = skip_gram.Params(*map(Table, np.random.default_rng(0).standard_normal((2, 4, 3))))
    found = []
    for count in 1, 10:
        ids = np.full(count, 1), np.full(count, 2), np.full((count, 1), 3)
        found.append(skip_gram.backward(1.0, skip_gram.forward(*ids, p)[1]))
    for one, ten in zip(*found):
        np.testing.assert_allclose(ten.weight, one.weight, rtol=1e-14)


@pytest.mark.parametrize("ids, error, words", [
    (([0], [1], [2]), ValueError, r"noise have shapes \(1,\), \(1,\), \(1,\); allowed: \(B,\)"),
    (([0, 1], [1], [[2]]), ValueError, r"words, contexts, noise have shapes \(2,\), \(1,\)"),
    (([0, 1], [1, 1], [[2]]), ValueError, r"allowed: \(B,\), \(B,\), \(B, M\)"),
    (([[0]], [[1]], [[2]]), ValueError, r"noise have shapes \(1, 1\)"),
    (([3], [1], [[2]]), IndexError, "words holds the id 3; allowed: 0 to 2"),
    (([0], [-1], [[2]]), IndexError, "contexts holds the id -1; allowed: 0 to 2"),
    (([0], [1], [[3]]), IndexError, "noise holds the id 3; allowed: 0 to 2"),
    (([0.0], [1], [[2]]), TypeError, "words has dtype float64"),
])
def test_bad_ids_are_refused(ids, error, words):
    p = skip_gram.Params(Table(np.zeros((3, 2))), Table(np.zeros((3, 2))))
    with pytest.raises(error, match=words):
        skip_gram.forward(*map(np.array, ids), p)


def test_tables_of_two_shapes_and_a_loss_that_is_not_finite_are_refused():
    ids = np.array([0]), np.array([1]), np.array([[1]])
    with pytest.raises(ValueError, match=r"context has shape \(2, 3\); allowed: \(V, C\)"):
        skip_gram.forward(*ids, skip_gram.Params(Table(np.zeros((2, 2))), Table(np.zeros((2, 3)))))
    huge = skip_gram.Params(Table(np.full((2, 1), 1e200)), Table(np.full((2, 1), 1e200)))
    with pytest.raises(FloatingPointError, match="loss in skip_gram is inf; allowed: finite"):
        skip_gram.forward(*ids, huge)
