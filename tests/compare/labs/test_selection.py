"""The lab selection: what is offered, what is chosen, when a run ends, and what it costs."""

import numpy as np
import pytest

from compare.__main__ import main
from compare.labs import selection
from compare.labs.run import read_run
from compare.labs.selection import FACTS, OFFERED, WAYS, Task, choose, price_of, taught

LABELS = FACTS + np.random.default_rng(0).permutation(FACTS)


class Known:
    """A student whose scores are given."""

    side = "numpy"

    def __init__(self, scores):
        self.scores = np.array(scores, float)

    def score(self, name, inputs, labels):
        return self.scores if name == "losses" else -self.scores


def test_inputs_come_by_zipfs_law_and_so_many_labels_are_false():
    batches = Task(LABELS, 0.4).batches(np.random.default_rng(1))
    inputs, labels, wrong = np.concatenate([next(batches) for _ in range(200)], axis=1)
    share = np.bincount(inputs, minlength=FACTS) / len(inputs)
    often = 1 / np.arange(1, FACTS + 1)
    assert abs(share - often / often.sum()).max() < 0.015
    np.testing.assert_array_equal(wrong, labels != LABELS[inputs])
    assert abs(wrong.mean() - 0.4 * (1 - 1 / FACTS)) < 0.02
    assert FACTS <= labels.min() and labels.max() < 2 * FACTS
    _, _, wrong = next(Task(LABELS, 0.0).batches(np.random.default_rng(1)))
    assert not wrong.any()


def test_each_way_chooses_by_its_own_score():
    up, middle = np.arange(OFFERED), -abs(np.arange(OFFERED) - 20.5)
    chosen = {way: set(choose(way, Known(up), Known(up - middle), None, None)) for way in WAYS}
    assert chosen["all"] == {*range(OFFERED)} and chosen["uniform"] == {*range(8)}
    assert chosen["by loss"] == {*range(56, 64)} and chosen["by gradient"] == {*range(8)}
    assert chosen["by reducible loss"] == {*range(17, 25)}


def test_both_sides_choose_alike():
    found = []
    for side in "numpy", "torch":
        student, other = (selection.Student(side, seed, "selecting learner") for seed in (0, 1))
        inputs, labels, _ = next(Task(LABELS, 0.4).batches(np.random.default_rng(2)))
        student.learn(inputs, labels)
        found.append([choose(way, student, other, inputs, labels).tolist() for way in WAYS])
    assert found[0] == found[1]


def test_a_run_ends_where_enough_is_right_and_looks_every_fifth_update(monkeypatch):
    looks = iter([0.5, 0.9, 1.0])
    monkeypatch.setattr(selection.Student, "right", lambda self, labels: next(looks))
    run = taught("uniform", "numpy", 0, Task(LABELS, 0.0), None, limit=12)
    assert (run.updates, run.right, run.curve) == (10, 0.9, [0.5, 0.9])
    looks = iter([0.5, 0.6, 0.7])
    run = taught("uniform", "numpy", 0, Task(LABELS, 0.0), None, limit=12)
    assert (run.updates, run.right, len(run.losses)) == (12, 0.7, 12)


def test_the_price_counts_what_is_looked_at():
    assert [price_of(way, 10) for way in WAYS] == [240, 880, 880, 1520, 1920]
    numbers = {"price, clean, by loss": 10, "price, clean, by reducible loss": 30,
               "price, clean, all": 20}
    assert [*selection.prices_over_all(numbers, "clean", 50).values()] == [0.5, 1.5, 4]


def test_the_picture_has_a_curve_a_way_and_the_plot_its_updates():
    log = read_run("selection")
    assert selection.draw(log).svg.count("fill:none") >= 2 * len(WAYS)
    plotted = selection.plot(log)
    numbers = log.measured[0].numbers
    for way in WAYS:
        assert f"{numbers[f'updates, noisy, {way}']:.0f}" in plotted
    assert max(map(len, plotted.splitlines())) <= 100


@pytest.mark.parametrize("given, words", [
    (["--limit", "0"], "limit is 0; allowed: from 1 to 10000"),
    (["--holdout", "0"], "holdout is 0; allowed: from 1 to 10000")])
def test_a_setting_out_of_range_is_one_sentence(capsys, given, words):
    assert main(["lab", "selection", *given]) == 2
    assert words in capsys.readouterr().err
