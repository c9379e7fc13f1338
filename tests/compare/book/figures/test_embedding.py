"""The picture of embedding: rows go out as they are, and come back summed."""

import numpy as np

from pictures import printed_numbers, texts_of


def test_rows_are_looked_up_and_their_gradients_summed():
    rows = np.reshape(printed_numbers("embedding"), (2, 10, 2))  # panels: 4 of the table, 6 beside it
    letters = [words for words in texts_of("embedding") if len(words) == 1 and words != "y"]
    table, text = letters[:4], letters[4:10]
    assert letters[10:] == letters[:10] and len(set(table)) == 4 > len(set(text))
    (weight, y), (dweight, dy) = (np.split(panel, [4]) for panel in rows)
    for t, letter in enumerate(text):
        assert np.array_equal(y[t], weight[table.index(letter)])
    for row, letter in enumerate(table):
        total = sum((dy[t] for t in range(6) if text[t] == letter), np.zeros(2))
        assert np.abs(dweight[row] - total).max() < 1e-12, letter


def test_the_sum_below_is_that_of_the_repeated_letter():
    left, right = texts_of("embedding")[-1].removeprefix("row a: ").split(" = ")
    terms = [float(term) for term in left.replace("- ", "-").replace("+ ", "").split()]
    assert len(terms) == 3 and abs(sum(terms) - float(right)) < 1e-12
