"""The picture of the llama's block: widths and numbers are those of a block on longer streams."""

import numpy as np

from compare.book.figures.llama_block import RETURNED, ADDED, UNIT, root_mean_square, stretched_streams
from pictures import printed_numbers, root_of


def test_the_branches_add_as_much_and_return_less():
    (_, added, returned), *longer = stretched_streams()
    for times, more, less in longer:
        assert abs(root_mean_square(more) / root_mean_square(added) - 1) < 0.25
        assert abs(times * root_mean_square(less) / root_mean_square(returned) - 1) < 0.25


def test_widths_and_numbers_are_root_mean_squares():
    sizes = [root_mean_square(array) for _, *arrays in stretched_streams() for array in arrays]
    bars = [node for node in root_of("llama_block").iter("rect")]
    assert [float(node.get("x")) for node in bars] == [ADDED, RETURNED] * 4
    assert np.abs([float(node.get("width")) for node in bars] - UNIT * np.array(sizes)).max() <= 0.06
    assert printed_numbers("llama_block") == [round(size, 2) for size in sizes]
