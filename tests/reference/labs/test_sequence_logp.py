"""What sequence_logp.md proves: what isn't counted moves nothing, and nothing moves it."""

import numpy as np
import pytest
from hypothesis import given

from compare.layers.table import LAYERS
from reference import cross_entropy
from reference.labs import sequence_logp
from strategies import examples


@given(examples(LAYERS["sequence_logp"]))
def test_gradients_sum_to_zero_and_what_is_not_counted_has_none(case):
    counted = case.example.constants["counted"]
    _, cache = sequence_logp.forward(*case.example.inputs.values(), counted=counted)
    dlogits = sequence_logp.backward(case.dy, cache)
    np.testing.assert_allclose(dlogits.sum(-1), 0, atol=1e-14)
    if counted is not None:
        assert not dlogits[~counted].any()


@given(examples(LAYERS["sequence_logp"]))
def test_the_prompt_may_be_any_text(case):
    logits, tokens = case.example.inputs.values()
    counted = case.example.constants["counted"]
    if counted is None:
        return
    logp, _ = sequence_logp.forward(logits, tokens, counted=counted)
    other = np.where(counted, tokens, (tokens + 1) % logits.shape[-1])
    moved = np.where(counted[..., None], logits, -logits)
    np.testing.assert_array_equal(sequence_logp.forward(moved, other, counted=counted)[0], logp)


def test_it_is_the_cross_entropy_of_each_sequence_times_its_tokens():
    rng = np.random.default_rng(0)
    logits, tokens = rng.standard_normal((3, 4, 5)), rng.integers(0, 5, (3, 4))
    logp, _ = sequence_logp.forward(logits, tokens)
    losses = [cross_entropy.forward(x, s)[0] for x, s in zip(logits, tokens)]
    np.testing.assert_allclose(logp, -4 * np.array(losses), rtol=1e-14)


@pytest.mark.parametrize("size", [1e4, 1e300])
def test_extreme_logits_cost_their_distance(size):
    logits = np.array([[[size, 0.0, -size]]])
    for token, cost in enumerate([0.0, size, 2 * size]):
        logp, cache = sequence_logp.forward(logits, np.array([[token]]))
        assert logp == -cost
        truth = np.eye(3)[token] - [1.0, 0.0, 0.0]
        np.testing.assert_array_equal(sequence_logp.backward(np.ones(1), cache), [[truth]])


LOGITS, TOKENS, COUNTED = np.zeros((1, 2, 3)), np.array([[0, 2]]), np.array([[True, False]])


@pytest.mark.parametrize("logits, tokens, counted, error, words", [
    (LOGITS, TOKENS + 1, None, IndexError, "tokens holds the id 3; allowed: 0 to 2"),
    (LOGITS, TOKENS[0], None, ValueError, r"tokens has shape \(2,\); allowed: \(1, 2\)"),
    (LOGITS, TOKENS * 1.0, None, TypeError, "tokens has dtype float64"),
    (LOGITS[0], TOKENS, None, ValueError, r"logits has shape \(2, 3\); allowed: \(B, T, V\)"),
    (LOGITS, TOKENS, COUNTED * 1, TypeError, "counted has dtype int"),
    (LOGITS, TOKENS, COUNTED[0], ValueError, r"counted has shape \(2,\); allowed: \(1, 2\)"),
    (LOGITS + np.nan, TOKENS, COUNTED, FloatingPointError, "the largest logit of a row in seq"),
    (LOGITS + [-np.inf, 0, 0], TOKENS, COUNTED, FloatingPointError,
     "the log-probability of a sequence is -inf; allowed: finite"),
])
def test_bad_input_is_refused(logits, tokens, counted, error, words):
    with pytest.raises(error, match=words):
        sequence_logp.forward(logits, tokens, counted=counted)
