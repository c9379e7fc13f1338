"""The picture of sequence_logp: the bars are logarithms of probabilities, and those that count."""

import numpy as np

from compare.book.figures.sequence_logp import COUNTED, LOGP, UNIT, scored
from pictures import painted, printed_numbers, root_of, texts_of


def heights(color):
    """Return the heights of the bars of a colour."""
    return [float(node.get("height")) / UNIT for node in root_of("sequence_logp").iter("rect")
            if painted(node, color) and "fill-opacity" not in node.get("style")]


def test_the_sum_is_that_of_the_answer_and_a_reader_can_add_it_up():
    numbers = np.array(printed_numbers("sequence_logp"))
    assert np.array_equal(numbers[:7], LOGP)
    assert f"these add up to {numbers[:7][COUNTED].sum():.2f}" in texts_of("sequence_logp")
    assert COUNTED.sum() == 3 and abs(scored().logp - LOGP[COUNTED].sum()) < 1e-12


def test_the_bars_are_to_scale_and_those_that_count_are_coloured():
    assert np.allclose(heights("one"), -LOGP[COUNTED], atol=1e-3)
    assert np.allclose(heights("line"), -LOGP[~COUNTED], atol=1e-3)


def test_a_slope_is_what_the_probability_lacks_of_one_and_0_where_nothing_counts():
    lacking = np.where(COUNTED, 1 - np.exp(LOGP), 0)
    assert np.abs(scored().slopes - lacking).max() < 1e-12
    assert np.allclose(heights("three"), lacking, atol=1e-3)
    assert np.array_equal(printed_numbers("sequence_logp")[7:], lacking.round(2))
