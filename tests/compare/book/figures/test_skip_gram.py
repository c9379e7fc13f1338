"""The picture of skip_gram: scores, probabilities, and where each vector goes."""

import numpy as np

from compare.book.figures.skip_gram import CONTEXT, NOISE, PLACES, WORD, pulled
from pictures import texts_of


def test_the_scores_and_probabilities_are_those_of_the_places():
    scores = PLACES[[CONTEXT, *NOISE]] @ PLACES[WORD]
    np.testing.assert_allclose(pulled().scores, scores)
    for score, words in zip(scores, ("its context", "drawn", "drawn")):
        number = f"{score:.2f}"
        chance = 1 / (1 + np.exp(-score))
        assert f"{words}: score {number}, a pair by {chance:.2f}" in texts_of("skip_gram")


def test_context_and_word_come_nearer_and_drawn_words_go_away_along_the_word():
    steps, word = pulled().steps, PLACES[WORD]
    np.testing.assert_allclose(steps[CONTEXT], word / (1 + np.exp(PLACES[CONTEXT] @ word)))
    for i in NOISE:
        np.testing.assert_allclose(steps[i], -word / (1 + np.exp(-PLACES[i] @ word)))
    assert (steps[[CONTEXT, *NOISE]] @ word > 0).tolist() == [True, False, False]
