"""The lab induction: its texts can be told only from what came before, and its picture."""

import numpy as np

from compare.labs import recall
from compare.labs.induction import Heads, draw, key_names, plot
from compare.labs.run import read_run
from compare.layers.streams import stream


def test_a_target_counts_where_its_key_has_come_before():
    texts = recall.draw_texts(np.random.default_rng(0), 300)
    for tokens, targets in zip(*texts):
        value = {}
        for t in range(0, len(tokens), 2):
            key = tokens[t]
            assert targets[t] == value.get(key, -100) and targets[t + 1] == -100
            assert value.setdefault(key, tokens[t + 1]) == tokens[t + 1]
            assert key < recall.SYMBOLS <= tokens[t + 1] < 2 * recall.SYMBOLS
        assert len(value) <= recall.KEYS


def test_nothing_but_the_text_tells_a_value():
    """Each value is as likely after a key, and at each place, in the mean over texts."""
    tokens, targets = recall.draw_texts(np.random.default_rng(1), 6000)
    asked = targets >= 0
    share = np.bincount(targets[asked] - recall.SYMBOLS, minlength=recall.SYMBOLS) / asked.sum()
    assert abs(share - 1 / recall.SYMBOLS).max() < 0.01
    table = np.zeros((recall.SYMBOLS, recall.SYMBOLS))
    np.add.at(table, (tokens[asked], targets[asked] - recall.SYMBOLS), 1)
    assert abs(table / table.sum(1, keepdims=True) - 1 / recall.SYMBOLS).max() < 0.03


def test_the_copies_stand_at_several_distances():
    """In periodic text a head could look a fixed way back."""
    tokens, targets = recall.draw_texts(np.random.default_rng(2), 500)
    back = [t - max(u for u in range(0, t, 2) if row[u] == row[t])
            for row, asked in zip(tokens, targets >= 0) for t in np.flatnonzero(asked)]
    assert max(np.bincount(back)) < 0.5 * len(back) and len(set(back)) == 5


def test_models_of_several_kinds_learn_from_the_same_texts():
    kinds = {}, {"n_layer": 1}, {"stem": "gpt"}, {"std": 0.02}
    first = [next(recall.learners_over("numpy", 0, 1, **kind))[1] for kind in kinds]
    assert len(set(first)) == 4
    assert next(recall.learners_over("numpy", 0, 1))[1] == first[0]
    assert next(recall.learners_over("numpy", 1, 1))[1] != first[0]


def test_both_sides_find_the_same_in_a_model():
    texts = recall.draw_texts(stream(0, "tests of recall"), 20)
    found = []
    for side in "numpy", "torch":
        heads = Heads(side, recall.trained(side, 0, 2), texts)
        mean = heads.lab.mean_output(heads.outputs)[1, 0]
        found.append([heads.prefix_matching(1), heads.previous_token(0), heads.guess_loss(),
                      heads.accuracy(), heads.accuracy((1, 0, mean))])
    np.testing.assert_allclose(*found, rtol=1e-12)


def test_the_picture_and_the_plot_show_the_tokens():
    log = read_run("induction")
    words = key_names(log.measured[0].series["text"])
    assert all(f">{word}<" in draw(log).svg for word in words)
    assert "    ".join(["  " + " ".join(words)] * 2) in plot(log)
