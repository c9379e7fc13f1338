"""The lab policy_gradient: its sums, its verifier, its samples, and its picture."""

import numpy as np
import pytest

from compare.__main__ import main
from compare.labs import policy_gradient as lab
from compare.labs.learners import LEARNERS, constant_rate, drawn_params
from compare.layers.streams import stream


def test_the_sums_and_what_a_demonstration_makes_of_a_carry():
    sums, right, forgotten = map(lab.texts, (lab.ASKED, lab.RIGHT, lab.FORGOTTEN))
    assert (sums[78], right[78], forgotten[78]) == ("7+8=", "15", "05")
    assert (sums[23], right[23], forgotten[23]) == ("2+3=", "05", "05")
    carries = np.mean([a != b for a, b in zip(right, forgotten)])
    assert lab.PERFECT == pytest.approx(1 - carries * lab.FORGETS, abs=1e-12)
    assert lab.rewards_of(lab.is_right, sums, right).all()
    assert lab.rewards_of(lab.is_right, sums, forgotten).mean() == 1 - carries


def broken(prompt, answer):
    return 1 / (answer != "05")


@pytest.mark.parametrize("verifier, words", [
    (broken, "raises ZeroDivisionError: division by zero for the answer '05' to '7\\+8=';"),
    (lambda *_: "good", "raises ValueError: could not convert string to float: 'good' for the ans"),
    (lambda *_: float("nan"), "gives nan for the answer '15' to '7\\+8='; allowed: a finite number"),
])
def test_a_verifier_that_raises_is_one_sentence(verifier, words):
    with pytest.raises(ValueError, match=f"^the verifier {words}"):
        lab.rewards_of(verifier, ["7+8=", "7+8="], ["15", "05"])


def test_only_the_answer_counts():
    tokens, answers, counted = lab.as_learned(lab.ASKED[78:79], lab.RIGHT[78:79])
    assert lab.texts(tokens) == ["7+8=1"] and lab.texts(answers) == ["+8=15"]
    assert counted.tolist() == [[False, False, False, True, True]]


def test_both_sides_sample_the_same_answers():
    params = drawn_params(lab.CONFIG, stream(0, "initial values"), std=lab.DEVIATION)
    found = []
    for side in LEARNERS:
        learner = LEARNERS[side](lab.CONFIG, params, constant_rate(1, 1e-3))
        found.append(lab.answer_prompts(side, learner, stream(0, "answers"), 4))
    (batch, prompts, answers, logp), (other, *texts, other_logp) = found
    assert [prompts, answers] == texts and len(answers) == 4 * lab.PROMPTS
    assert prompts[0] == prompts[3] and len(set(answers)) > 4
    np.testing.assert_array_equal(batch[0], other[0])
    np.testing.assert_allclose(logp, other_logp, rtol=1e-12)


@pytest.mark.parametrize("words, sentence", [
    (["--epsilon", "0"], "epsilon is 0.0; allowed: from 0.01 to 0.99"),
    (["--epsilon", "1"], "epsilon is 1.0; allowed: from 0.01 to 0.99"),
    (["--group", "1"], "group is 1; allowed: from 2 to 64"),
    (["--updates", "0"], "updates is 0; allowed: from 1 to 10000"),
])
def test_a_setting_out_of_range_is_one_sentence(capsys, words, sentence):
    assert main(["lab", "policy_gradient", *words]) == 2
    assert capsys.readouterr().err == f"error: {sentence}\n"
