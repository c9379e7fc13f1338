"""The lab word2vec: its questions, its sentences, its words, its picture."""

from collections import Counter

import numpy as np
import pytest

from compare.__main__ import main
from compare.labs import word2vec
from compare.labs.run import read_run

SENTENCES = "a cat saw the cats " * 10 + "a dog saw no cats "


def test_every_question_changes_one_attribute_twice_alike():
    asked, right = word2vec.questions()
    assert asked.shape == (900, 3) and len({tuple(row) for row in asked.tolist()}) == 900
    values = word2vec.attributes()
    a, b, c, d = (values[word] for word in (*asked.T, right))
    assert (a[:, 0] == b[:, 0]).all() and (c[:, 0] == d[:, 0]).all() and (a[:, 0] != c[:, 0]).all()
    assert (a[:, 1] == c[:, 1]).all() and (b[:, 1] == d[:, 1]).all() and (a[:, 1] != b[:, 1]).all()


def test_vectors_that_are_sums_of_attributes_answer_all_and_drawn_ones_hardly_any():
    rng = np.random.default_rng(0)
    rows, values = rng.standard_normal((12, 40)), word2vec.attributes()
    sums = rows[values].sum(1)
    assert word2vec.analogies_right("numpy", sums) == word2vec.analogies_right("torch", sums) == 1
    assert word2vec.analogies_right("numpy", rng.standard_normal(sums.shape)) < 0.1


def test_a_sentence_is_a_word_and_mostly_a_marker_of_one_of_its_values():
    source = word2vec.grid_source(word2vec.attributes())
    rng = np.random.default_rng(0)
    words, contexts = np.concatenate([source.pairs(rng) for _ in range(50)], axis=1)
    half = word2vec.GRID_PAIRS // 2
    place = np.arange(len(words)) % word2vec.GRID_PAIRS
    np.testing.assert_array_equal(words[place < half], contexts[place >= half])
    word, marker = words[place < half], contexts[place < half]
    assert word.max() < 36 <= marker.min() and marker.max() < word2vec.GRID.vocab_size
    value = (marker - 36) // word2vec.MARKERS
    fits = (word2vec.attributes()[word] == value[:, None]).any(1).mean()
    assert abs(fits - (1 - word2vec.STRAY * (1 - 2 / 12))) < 0.02


def test_noise_is_drawn_as_its_share_says():
    share = np.array([0.5, 0.0, 0.3, 0.2])
    drawn = word2vec.noise_words(np.random.default_rng(0), share, (4000, 5))
    assert abs(np.bincount(drawn.ravel(), minlength=4) / drawn.size - share).max() < 0.02


def test_the_words_of_a_text_and_how_far_apart_a_pair_is(monkeypatch):
    monkeypatch.setattr(word2vec, "NEAR", 2)
    words = word2vec.as_text(SENTENCES.upper())
    assert words.vocabulary == ["a", "cats", "saw", "cat", "the"]
    assert words.counts.tolist() == [11, 11, 11, 10, 10] == np.bincount(words.ids).tolist()
    assert [words.vocabulary[i] for i in words.ids[:5]] == ["a", "cat", "saw", "the", "cats"]
    assert word2vec.plurals(words) == [(3, 1)]
    places = words._replace(ids=np.arange(len(words.ids)))
    source = word2vec.text_source("numpy", 0, places, thinned=False)
    one, other = source.pairs(np.random.default_rng(0))
    distances = Counter((other - one).tolist())
    assert sorted(distances) == [-4, -3, -2, -1, 1, 2, 3, 4] and min(distances.values()) > 30


def test_frequent_words_are_thinned_out(monkeypatch):
    monkeypatch.setattr(word2vec, "MOST", 0.1)
    words = word2vec.Text(["a", "b"], np.arange(1000) % 10 // 9, np.array([900, 100]))
    words, contexts = word2vec.text_source("numpy", 0, words).pairs(np.random.default_rng(0))
    assert abs(words.mean() - 1 / 4) < 0.06  # of 900 a third is kept, of 100 all


def test_a_plural_counts_where_it_is_among_the_nearest(monkeypatch):
    monkeypatch.setattr(word2vec, "NEAR", 1)
    words = word2vec.Text(["cat", "cats", "dog", "dogs"], None, None)
    vectors = np.array([[1.0, 0], [0.9, 0.1], [0, 1], [-1, 0]])
    assert word2vec.plurals_near("numpy", vectors, words) == 1 / 2
    assert word2vec.plurals_near("torch", vectors, words) == 1 / 2


def test_a_text_of_too_few_words_is_refused():
    with pytest.raises(ValueError, match="text has 5 words that come 10 times or more; allowed: 11"):
        word2vec.as_text(SENTENCES)


def test_the_picture_and_the_plot_show_the_neighbours():
    log = read_run("word2vec")
    drawn, plotted = word2vec.draw(log).svg, word2vec.plot(log)
    for word, near in log.measured[0].series["near"].items():
        assert f">{word}<" in drawn and f">{', '.join(near[:4])}<" in drawn
        assert ", ".join(near) in plotted


def test_a_setting_out_of_range_is_one_sentence(capsys):
    assert main(["lab", "word2vec", "--steps", "0"]) == 2
    assert "steps is 0; allowed: from 1 to 10000" in capsys.readouterr().err
