"""Tree search: equal on both sides, against brute force, and what its visits add up to."""

import itertools
import math
from collections import defaultdict

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import reference.labs.tree_search as ours
import torch_impl.labs.tree_search as theirs
from strategies import seeds

sides = pytest.mark.parametrize("lab", [ours, theirs], ids=["numpy", "torch"])


class Drawn:
    """A tree of V tokens and answers of a length: logits and scores drawn from a seed."""

    def __init__(self, V, length, seed):
        rng = np.random.default_rng(seed)
        self.table = {prefix: rng.uniform(-1, 1, V) for size in range(length)
                      for prefix in itertools.product(range(V), repeat=size)}
        leaves = [*itertools.product(range(V), repeat=length)]
        self.scores = dict(zip(leaves, rng.integers(0, 3, len(leaves)) / 5))
        self.best = leaves[rng.integers(len(leaves))]
        self.scores[self.best] = 0.9
        self.asked = []

    def logits(self, lab):
        """Return the function of the logits, as a side takes it."""
        def after(prefix):
            self.asked.append(prefix)
            return self.table[prefix] if lab is ours else torch.from_numpy(self.table[prefix])
        return after


drawn = st.builds(Drawn, st.integers(1, 4), st.integers(1, 4), seeds)


def visits_of(found):
    """Return the visits of each prefix of a tree, in the order in which they were asked for."""
    if hasattr(found.tree, "rows"):
        return {prefix: found.tree.visits[row].tolist() for prefix, row in found.tree.rows.items()}
    return {prefix: node.visits.tolist() for prefix, node in found.tree.items()}


@given(drawn, st.integers(1, 60), st.sampled_from([0.0, 0.1, 1.0, 5.0]),
       st.sampled_from(["search", "play"]))
def test_both_sides_walk_alike(tree, calls, c, way):
    found, other = (getattr(lab, way)(tree.logits(lab), tree.scores.get, length=len(tree.best), c=c,
                                      calls=calls) for lab in (ours, theirs))
    assert found[:4] == other[:4] and [*visits_of(found).items()] == [*visits_of(other).items()]


@given(drawn, st.integers(1, 60), st.sampled_from(["search", "play"]))
def test_the_visits_of_a_token_are_those_of_the_prefix_that_it_leads_to(tree, calls, way):
    length, met = len(tree.best), []

    def verify(answer):
        met.append(answer)
        return tree.scores[answer]

    found = getattr(ours, way)(tree.logits(ours), verify, length=length, c=1.0, calls=calls)
    walks, visits = met[:len(met) - (way == "play")], visits_of(found)
    assert len(met) == found.verifier_calls
    assert len(set(tree.asked)) == len(tree.asked) == found.model_calls
    assert max(len(walks), found.model_calls) >= calls
    counts = defaultdict(int)
    for prefix, of_tokens in visits.items():
        for token, n in enumerate(of_tokens):
            counts[*prefix, token] = n
    for prefix, node in found.tree.items():
        for token in range(len(node.prior)):
            passed = [tree.scores[answer] for answer in walks
                      if answer[:len(prefix) + 1] == (*prefix, token)]
            assert way == "play" or len(passed) == node.visits[token]
            assert way == "play" or abs(sum(passed) - node.totals[token]) <= 1e-9
    if way == "search":
        assert sum(visits[()]) == len(walks)
        for prefix in visits.keys() - {()}:
            assert sum(visits[prefix]) == counts[prefix]
    for answer in tree.scores:  # a walk counts at the token that ends it
        assert counts[answer] == walks.count(answer)
        node = found.tree.get(answer[:-1])
        if node is not None:
            total = counts[answer] * tree.scores[answer]
            np.testing.assert_allclose(node.totals[answer[-1]], total, rtol=1e-12)


@sides
def test_a_search_keeps_the_best_answer_and_stops_at_a_right_one(lab):
    tree, met = Drawn(3, 3, 1), []

    def verify(answer):
        met.append(tree.scores[answer] + 0.1 * (answer == tree.best))
        return met[-1]

    right = lab.search(tree.logits(lab), verify, length=3, c=1.0, calls=500)
    assert (right.answer, right.score) == (tree.best, 1.0)
    assert met.index(1.0) == len(met) - 1 == right.verifier_calls - 1
    for calls in 1, 2, 5:
        few = lab.search(tree.logits(lab), tree.scores.get, length=3, c=1.0, calls=calls)
        assert few.score == tree.scores[few.answer] and few.score <= max(met[:few.verifier_calls])
        assert calls <= max(few.model_calls, few.verifier_calls) <= calls + 2


@settings(max_examples=20)
@given(st.builds(Drawn, st.integers(1, 3), st.integers(1, 2), seeds))
def test_with_enough_calls_the_choice_is_that_of_brute_force(tree):
    for way in ours.search, ours.play:
        found = way(tree.logits(ours), tree.scores.get, length=len(tree.best), c=1.0, calls=800)
        assert found.answer == max(tree.scores, key=tree.scores.get) == tree.best


@given(drawn, st.integers(1, 80), st.sampled_from([0.3, 1.0]))
def test_without_any_score_the_visits_follow_the_prior(tree, calls, c):
    found = ours.search(tree.logits(ours), lambda _: 0.0, length=len(tree.best), c=c, calls=calls)
    for node in found.tree.values():
        n, V = node.visits.sum(), len(node.prior)
        assert (node.visits >= n * node.prior - 1 - 1e-9).all()
        assert (node.visits <= (n + V - 1) * node.prior + 1e-9).all()


@sides
def test_the_first_walk_takes_the_likeliest_tokens(lab):
    tree = Drawn(4, 4, 5)
    first = lab.search(tree.logits(lab), tree.scores.get, length=4, c=1.0, calls=1)
    likeliest = ()
    while len(likeliest) < 4:
        likeliest += (int(tree.table[likeliest].argmax()),)
    assert (first.answer, first.model_calls, first.verifier_calls) == (likeliest, 4, 1)


@sides
def test_of_equals_the_lowest_token_is_taken(lab):
    flat = np.zeros(5) if lab is ours else torch.zeros(5, dtype=torch.float64)
    for calls, expected in (1, [1, 0, 0, 0, 0]), (3, [1, 1, 1, 0, 0]), (7, [2, 2, 1, 1, 1]):
        for way in lab.search, lab.play:
            found = way(lambda _: flat, lambda _: 0.0, length=1, c=1.0, calls=calls)
            assert visits_of(found)[()] == expected and found.answer == (0,)


@sides
def test_a_play_takes_nothing_back(lab):
    tree = Drawn(3, 3, 2)
    found = lab.play(tree.logits(lab), tree.scores.get, length=3, c=1.0, calls=90)
    visits, prefix = visits_of(found), ()
    for token, share in zip(found.answer, (30, 60, 90)):
        assert visits[prefix][token] == max(visits[prefix])
        assert (len(prefix) or sum(visits[prefix]) == share)
        prefix += (token,)
    assert found.verifier_calls == 91 and found.score == tree.scores[found.answer]


@sides
@pytest.mark.parametrize("changed, sentence", [
    (dict(c=-0.1), "c is -0.1; allowed: a finite number from 0 up"),
    (dict(c=math.nan), "c is nan; allowed: a finite number from 0 up"),
    (dict(c=math.inf), "c is inf; allowed: a finite number from 0 up"),
    (dict(calls=0), "calls is 0; allowed: an integer from 1 up"),
    (dict(length=0), "length is 0; allowed: an integer from 1 up"),
    (dict(calls=2.5), "calls is 2.5; allowed: an integer from 1 up")])
def test_settings_out_of_range_are_refused(lab, changed, sentence):
    tree = Drawn(2, 2, 0)
    for way in lab.search, lab.play:
        with pytest.raises(ValueError) as error:
            way(tree.logits(lab), tree.scores.get, **dict(length=2, c=1.0, calls=9) | changed)
        assert str(error.value) == sentence
    assert lab.search(tree.logits(lab), tree.scores.get, length=2, c=0, calls=1).verifier_calls == 1


def failing(answer):
    raise KeyError("no key")


@sides
@pytest.mark.parametrize("verify, sentence", [
    (failing, "raises KeyError: 'no key'; allowed: a number from 0 to 1"),
    (lambda _: None, "is None; allowed: a number from 0 to 1"),
    (lambda _: "1", "is '1'; allowed: a number from 0 to 1"),
    (lambda _: math.nan, "is nan; allowed: a number from 0 to 1"),
    (lambda _: 1.5, "is 1.5; allowed: a number from 0 to 1"),
    (lambda _: -0.5, "is -0.5; allowed: a number from 0 to 1")])
def test_a_verifier_that_fails_is_named_in_a_sentence(lab, verify, sentence):
    flat = np.array([0.0, 1.0]) if lab is ours else torch.tensor([0.0, 1.0])
    with pytest.raises(ValueError) as error:
        lab.search(lambda _: flat, verify, length=1, c=1.0, calls=9)
    assert str(error.value) == f"verify((1,)) {sentence}"
    assert lab.search(lambda _: flat, lambda _: True, length=1, c=1.0, calls=9).score == 1.0
