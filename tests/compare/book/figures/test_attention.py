"""The picture of attention: its arrays follow from one another, and the head has learned."""

import re

import numpy as np

from compare.book.figures.attention import T, C, D, WIDE, one_head
from compare.book.figures.trained_head import LETTERS, SHOWN, VOWELS, recalling, trained_head
from pictures import painted, root_of, texts_of


def test_the_arrays_follow_from_one_another():
    head = one_head()
    for t in range(T):
        scores = head["k"][:t + 1] @ head["q"][t] / np.sqrt(D)
        e = np.exp(scores)
        assert np.abs(head["scores"][t, :t + 1] - scores).max() < 1e-12
        assert np.abs(head["weights"][t, :t + 1] - e / e.sum()).max() < 1e-12
        assert np.abs(head["mixed"][t] - e / e.sum() @ head["v"][:t + 1]).max() < 1e-12
    assert np.isnan(head["weights"][~np.tri(T, dtype=bool)]).all()
    assert np.abs(head["merged"][:, :D] - head["mixed"]).max() < 1e-12
    assert head["x"].shape == head["y"].shape == (T, C)


def test_the_triangle_shows_the_weights_of_the_head():
    weights = trained_head().weights
    styles = [node.get("style") for node in root_of("attention").iter("rect")
              if float(node.get("width")) == WIDE and painted(node, "one")]
    tints = [float((re.findall("fill-opacity:(.*?);", style) or [1])[0]) for style in styles]
    assert len(tints) == len(SHOWN) * (len(SHOWN) + 1) // 2
    assert np.allclose(tints, weights[np.tri(len(SHOWN), dtype=bool)], rtol=0.06, atol=1e-3)
    assert np.abs(weights.sum(1) - 1).max() < 1e-5 and (np.triu(weights, 1) == 0).all()


def test_a_consonant_inside_of_a_word_looks_at_the_vowels_before_it():
    head, found = trained_head(), recalling(SHOWN)
    assert [(SHOWN[t], {SHOWN[s] for s in places}) for t, places in found] == [
        ("k", {"i"}), ("n", {"i"}), ("n", {"a"}), ("n", {"a"})]
    vowels = [s for s, letter in enumerate(SHOWN) if letter in VOWELS]
    for t, places in found:
        others = [s for s in vowels if s < t and s not in places]
        assert head.weights[t, places].sum() > 0.5 > 0.1 > head.weights[t, others].sum()
        assert head.chances[t, LETTERS.index(SHOWN[places[0]])] > 0.9
    assert np.mean(head.losses[-20:]) < 0.75 * np.mean(head.losses[:20])


def test_the_next_letters_are_those_that_the_model_expects():
    head = trained_head()
    expected = [f"{SHOWN[t + 1]} {head.chances[t].max():.0%}" for t, _ in recalling(SHOWN)]
    assert [words for words in texts_of("attention") if words.endswith("%")] == expected
