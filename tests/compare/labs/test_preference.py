"""The lab preference: its world on both sides, its settings, its picture."""

import numpy as np
import pytest

from compare.__main__ import main
from compare.labs import preference
from compare.labs.run import run_lab

SHORT = {"beta": 1.0, "steps": 6}


@pytest.fixture(autouse=True, scope="module")
def few_first_updates():
    """The reference is made in a moment, and so is the rest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preference, "FIRST", 5)
        yield


@pytest.fixture(scope="module")
def log():
    """A run of few updates; it holds both sides to 1e-10."""
    return run_lab("preference", SHORT, 1, "both")


def test_what_is_measured_lies_below_the_best(log):
    one, = log.measured
    kls, rewards = one.series["KL of the best"], one.series["reward of the best"]
    assert kls == sorted(kls) and rewards == sorted(rewards)
    for name in preference.MARKS:
        kl, reward = preference.place_of(one, name)
        assert reward <= np.interp(kl, kls, rewards) + 0.05
    assert one.numbers["KL to the optimum, optimum"] == 0
    assert len(one.losses) == 5 + 4 * 6 + (3 + 1) * 2 + 6


def test_the_openings_give_every_text_what_the_whole_model_gives_it():
    world = preference.World("numpy", 0, **SHORT)
    learner = world.learner(world.start, 6)
    whole = world.exact("text_logp", learner.logits(world.texts.inputs), *world.texts[1:])
    np.testing.assert_allclose(world.logp(learner), whole, rtol=1e-12)


def test_pairs_are_of_different_texts_and_the_better_one_wins_more_often():
    world = preference.World("numpy", 0, **SHORT)
    rng = np.random.default_rng(0)
    chosen, rejected = np.concatenate([world.pairs(rng, None) for _ in range(10)], axis=1)
    assert (chosen != rejected).all()
    assert world.reward[chosen].mean() > world.reward[rejected].mean() + 1
    coin = np.random.default_rng(1)
    chosen, rejected = np.concatenate([world.pairs(rng, coin) for _ in range(10)], axis=1)
    assert abs(world.reward[chosen].mean() - world.reward[rejected].mean()) < 0.5


def test_the_picture_shows_every_mark(log):
    drawn = preference.draw(log)
    assert all(f">{name}<" in drawn.svg for name in preference.MARKS)
    assert drawn.svg.count("<circle") == 2 * len(preference.MARKS)
    plotted = preference.plot(log)
    assert plotted.isascii() and max(map(len, plotted.splitlines())) <= 100
    assert "o reference, D DPO, K KTO, S SimPO" in plotted


@pytest.mark.parametrize("given, words", [
    (["--beta", "0.1"], "beta is 0.1; allowed: from 0.2 to 5"),
    (["--beta", "9"], "beta is 9.0; allowed: from 0.2 to 5"),
    (["--steps", "5"], "steps is 5; allowed: from 6 to 2000")])
def test_a_setting_out_of_range_is_a_sentence(capsys, given, words):
    assert main(["lab", "preference", *given]) != 0
    assert words in capsys.readouterr().err
