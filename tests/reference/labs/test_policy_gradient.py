"""What policy_gradient.md proves, by going through every group; and that both sides agree."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import torch_impl.generate
import torch_impl.labs.policy_gradient as theirs
from compare.labs.learners import LEARNERS, constant_rate, drawn_params
from compare.layers import weights
from reference import generate, gpt, softmax
from reference.labs import policy_gradient as ours
from reference.tools import tree
from strategies import seeds

KINDS = "reward", "mean", "others", "scaled"


def three_answers(seed):
    """Probabilities and rewards of three answers."""
    rng = np.random.default_rng(seed)
    return softmax.forward(rng.standard_normal(3))[0], rng.standard_normal(3)


@given(seeds, st.integers(2, 5))
def test_what_groups_keep_of_the_gradient(seed, size):
    probs, rewards = three_answers(seed)
    truth = ours.true_gradient(probs, rewards)
    for kind, share in ("reward", 1), ("mean", 1 - 1 / size), ("others", 1):
        found = ours.mean_estimate(probs, rewards, size=size, kind=kind)
        np.testing.assert_allclose(found, share * truth, rtol=0, atol=1e-13)


def test_the_deviation_turns_the_gradient():
    probs, rewards = np.array([0.2, 0.3, 0.5]), np.array([1.0, 0.3, 0.0])
    truth = ours.true_gradient(probs, rewards)
    found = ours.mean_estimate(probs, rewards, size=4, kind="scaled")
    cosine = found @ truth / np.linalg.norm(found) / np.linalg.norm(truth)
    assert 0.9 < cosine < 0.999


@given(seeds, st.integers(2, 4), st.sampled_from(KINDS))
def test_both_sides_agree_to_the_last_digits(seed, size, kind):
    probs, rewards = three_answers(seed)
    arrays = [torch.from_numpy(a) for a in (probs, rewards)]
    np.testing.assert_allclose(ours.true_gradient(probs, rewards), theirs.true_gradient(*arrays),
                               rtol=0, atol=1e-14)
    found = theirs.mean_estimate(*arrays, size=size, kind=kind)
    np.testing.assert_allclose(ours.mean_estimate(probs, rewards, size=size, kind=kind), found,
                               rtol=0, atol=1e-12)


@given(st.floats(-10, 10), st.integers(2, 9), st.sampled_from(KINDS[1:]))
def test_a_group_of_equal_rewards_says_nothing(reward, size, kind):
    rewards = np.array([[reward] * size, [0.0] * (size - 1) + [1.0]])
    for found in ours.advantages(rewards, kind=kind), \
            theirs.advantages(torch.from_numpy(rewards), kind=kind).numpy():
        assert (found[0] == 0).all() and found[1].all()


def test_the_scaled_advantages_have_the_mean_0_and_the_deviation_1():
    rewards = np.random.default_rng(0).standard_normal((5, 8))
    found = ours.advantages(rewards, kind="scaled")
    np.testing.assert_allclose(found.mean(-1), 0, atol=1e-15)
    np.testing.assert_allclose(found.std(-1), 1, rtol=1e-14)
    np.testing.assert_allclose(theirs.advantages(torch.from_numpy(rewards)), found, rtol=1e-13)


def test_what_is_refused_on_both_sides():
    for side, array in (ours, np.ones((3, 1))), (theirs, torch.ones(3, 1)):
        for kind in KINDS[1:]:
            with pytest.raises(ValueError, match="^a group has 1 answers; allowed: from 2 up$"):
                side.advantages(array, kind=kind)
        assert (side.advantages(array, kind="reward") == array).all()
        with pytest.raises(ValueError, match="^kind is best; allowed: reward, mean, others, sc"):
            side.advantages(array, kind="best")
    with pytest.raises(FloatingPointError, match="a reward is nan; allowed: finite numbers"):
        ours.advantages(np.array([0.0, np.nan]), kind="mean")


@given(seeds, st.integers(1, 5))
def test_it_picks_what_generate_picks_on_both_sides(seed, V):
    rng = np.random.default_rng(seed)
    logits, uniforms = rng.standard_normal((6, V)), rng.random(6)
    uniforms[0] = 0.0
    truth = [generate.pick(row, u) for row, u in zip(softmax.forward(logits)[0], uniforms)]
    assert ours.picked(logits, uniforms).tolist() == truth
    assert theirs.picked(*map(torch.from_numpy, (logits, uniforms))).tolist() == truth


def drawn_answers():
    """A model's parameters, and answers with their advantages, that both sides are given."""
    rng = np.random.default_rng(0)
    config = gpt.Config(5, 4, 1, 2, 8)
    tokens, answers = rng.integers(0, 5, (2, 6, 4))
    counted = np.tile(np.arange(4) > 1, (6, 1))
    return (config, drawn_params(config, rng, std=0.3),
            (tokens, answers, counted, -4 * rng.random(6), rng.standard_normal(6)))


def test_the_loss_and_all_gradients_agree():
    config, params, arrays = drawn_answers()
    loss, grads = ours.loss_and_grad(*arrays, params, config=config, epsilon=0.3)
    learner = LEARNERS["torch"](config, params, constant_rate(1, 1e-3))
    other = theirs.loss(*map(torch.from_numpy, arrays), learner.model, epsilon=0.3)
    other.backward()
    assert abs(loss - other.item()) <= 1e-12
    truth = weights.gradients(learner.model)
    for name, grad in tree.walk(grads):
        np.testing.assert_allclose(grad, truth[name], rtol=0, atol=1e-12, err_msg=name)


def test_success_is_the_probability_of_the_answers_and_the_share_of_the_likeliest():
    logits = np.log([[[0.9, 0.1], [0.5, 0.5], [0.8, 0.2]], [[0.9, 0.1], [0.3, 0.7], [0.4, 0.6]]])
    answers, counted = np.array([[1, 0, 0], [1, 1, 0]]), np.array([[False, True, True]] * 2)
    truth = (0.5 * 0.8 + 0.7 * 0.4) / 2, 0.5
    np.testing.assert_allclose(ours.success(logits, answers, counted), truth, rtol=1e-14)
    found = theirs.success(*map(torch.from_numpy, (logits, answers, counted)))
    np.testing.assert_allclose(found, truth, rtol=1e-14)
