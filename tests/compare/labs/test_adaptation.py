"""The lab adaptation: its language, its learners with adapters, its settings."""

import numpy as np
import pytest

from compare.__main__ import main
from compare.labs.adapted import ADAPTED
from compare.labs.dialect import CONFIG, LETTERS, OWN, SHARED, Language, in_letters, loss_on
from compare.labs.learners import constant_rate, drawn_params
from reference import cross_entropy, gpt
from reference.labs import adaptation
from reference.tools import tree


def test_a_text_has_the_shared_words_and_12_of_its_own():
    language = Language(0)
    shared = {in_letters(word) for word in language.words}
    one, other = (language.text(np.random.default_rng(seed), 2000) for seed in (1, 2))
    met = [set(word + " " for word in in_letters(ids).split()) for ids in (one, other)]
    assert len(shared) == SHARED and max(one.max(), other.max()) < len(LETTERS)
    own = [words - shared for words in met]
    assert all(len(words) <= OWN and len(words) > OWN // 2 for words in own)
    assert len(met[0] & met[1] & shared) > SHARED // 2 and len(own[0] & own[1]) < OWN // 3
    count = sum(word + " " in shared for word in in_letters(one).split())
    assert 0.45 < count / 2000 < 0.55
    assert np.array_equal(one, Language(0).text(np.random.default_rng(1), 2000))


def test_both_sides_learn_the_same_adapters_and_leave_the_model_alone():
    rng = np.random.default_rng(0)
    frozen = drawn_params(CONFIG, rng, std=0.1)
    kept = [a.copy() for a in tree.leaves(frozen)]
    start = adaptation.init(frozen, 2, rng)
    ids = rng.integers(0, len(LETTERS), (3, 2, 9))
    found = {}
    for side, kind in ADAPTED.items():
        learner = kind(CONFIG, frozen, start, constant_rate(3, 1e-2), 0.5)
        losses = [learner.imitate(batch[:, :-1], batch[:, 1:]) for batch in ids]
        found[side] = losses, learner.params, learner.logits(ids[0, :, :-1])
    (losses, params, logits), (losses_torch, params_torch, logits_torch) = found.values()
    assert np.abs(np.subtract(losses, losses_torch)).max() < 1e-13
    assert np.abs(logits - logits_torch).max() < 1e-11
    for ours, theirs, first in zip(*map(tree.leaves, (params, params_torch, start))):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
        assert not np.array_equal(ours, first)
    assert all(map(np.array_equal, kept, tree.leaves(frozen)))
    logits_before, _ = gpt.forward(ids[0, :, :-1], frozen, config=CONFIG)
    assert losses[0] == pytest.approx(
        float(cross_entropy.forward(logits_before, ids[0, :, 1:])[0]), abs=1e-13)


def test_the_loss_on_a_text_is_that_of_its_sequences():
    class Certain:  # of the letter that follows in the alphabet
        def logits(self, tokens):
            return 50.0 * (np.arange(17) == (tokens[..., None] + 1) % 17)

    assert loss_on(Certain(), np.arange(100) % 17) < 1e-12
    assert loss_on(Certain(), np.arange(100)[::-1] % 17) == pytest.approx(50)


@pytest.mark.parametrize("words, sentence", [
    (["--base", "0"], "base is 0; allowed: from 1 up"),
    (["--steps", "-3"], "steps is -3; allowed: from 1 up")])
def test_a_setting_out_of_range_is_one_sentence(words, sentence, capsys):
    assert main(["lab", "adaptation", *words]) == 2
    assert sentence in capsys.readouterr().err
