"""The lab tree_search: its verifiers, what its ways to decode spend, its settings."""

import math

import numpy as np
import pytest

from compare.__main__ import main
from compare.labs import tree_search
from compare.labs.tree_search import Asked, Spent, best_of, climb, demonstrations
from compare.layers.labs import LABS

DIGITS = 3, 1, 4, 1, 5, 9


class Copier:
    """A model that is right with the probability 0.4 at each position and one too high with 0.6."""

    calls = 0

    def logits(self, tokens):
        self.calls += 1
        right = tokens[0, tokens.shape[1] - 7]
        logits = np.full((*tokens.shape, 11), -math.inf)
        logits[0, -1, [right, (right + 1) % 10]] = np.log([0.4, 0.6])
        return logits


@pytest.mark.parametrize("answer, scores", [
    (DIGITS, (1, 1, 1)), ((3, 1, 4, 1, 5, 0), (5 / 6, 5 / 6, 0)),
    ((0, 1, 4, 1, 5, 9), (5 / 6, 0, 0)),
    ((3, 1, 0, 1, 5, 9), (5 / 6, 2 / 6, 0)), ((9, 5, 1, 4, 10, 3), (0, 0, 0))])
def test_what_each_verifier_says(answer, scores):
    assert tuple(score(answer, DIGITS) for score in tree_search.VERIFIERS.values()) == scores


def test_a_prefix_is_computed_once_and_counted_once_a_method():
    model = Copier()
    asked = Asked(model, DIGITS)
    assert asked.likeliest() == (4, 2, 5, 2, 6, 0) and model.calls == len(asked.prefixes) == 6
    for way, rng in (best_of, np.random.default_rng(0)), (climb, np.random.default_rng(0)):
        met = []
        spent = way(asked, lambda answer: met.append(answer) or 0.0, rng, 50)
        assert spent == (len(asked.prefixes), len(met), False)
        assert 50 <= max(spent[:2]) <= 55 and not spent.within(math.inf)
        assert asked.prefixes == {answer[:t] for answer in met for t in range(6)} or way is climb
    assert model.calls == len(asked.known) <= 63


def test_a_way_stops_at_the_right_answer():
    asked = Asked(Copier(), DIGITS)
    for way in best_of, climb:
        for seed in range(5):
            met, rng = [], np.random.default_rng(seed)

            def verify(answer):
                met.append(tree_search.graded(answer, DIGITS))
                return met[-1]

            spent = way(asked, verify, rng, 10_000)
            assert spent.found and met.index(1.0) == len(met) - 1 == spent.verifier_calls - 1
    assert Spent(7, 9, True).within(9) and not Spent(7, 9, True).within(8)
    assert Spent(9, 7, True).within(9) and not Spent(9, 7, True).within(8)


def test_the_demonstrations_copy_the_digits_with_typos():
    tokens, targets = demonstrations(np.random.default_rng(0), np.random.default_rng(1))
    assert tokens.shape == targets.shape == (tree_search.BATCH, 12)
    assert (tokens[:, 6] == 10).all() and (targets[:, :6] == -100).all()
    assert np.array_equal(tokens[:, 7:], targets[:, 6:-1])
    change = (targets[:, 6:] - tokens[:, :6]) % 10
    assert set(np.unique(change)) == {0, 1} and abs(change.mean() - 0.6) < 0.1


@pytest.mark.parametrize("words, sentence", [
    (["--c", "-1"], "c is -1.0; allowed: from 0 to 1000"),
    (["--c", "nan"], "c is nan; allowed: from 0 to 1000"),
    (["--calls", "5"], "calls is 5; allowed: from 6 to 1024"),
    (["--prompts", "0"], "prompts is 0; allowed: from 1 to 1000")])
def test_a_setting_out_of_range_is_one_sentence(words, sentence, capsys):
    assert main(["lab", "tree_search", *words]) == 2
    assert capsys.readouterr().err.strip().endswith(sentence)


def test_a_short_run_has_every_number_of_the_claims():
    lab = LABS["tree_search"]
    found = lab.experiment.experiment("numpy", 0, **lab.defaults | lab.brief)
    for claim in lab.claims:
        assert {claim.number, claim.control} <= set(found.numbers)
    assert all(len(curve) == tree_search.POINTS for curve in found.series.values())
