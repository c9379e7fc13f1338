"""The picture of rms_norm: the columns add up, and what is left is at right angles to xhat alone."""

import numpy as np

from pictures import printed_numbers, texts_of


def test_the_part_along_xhat_is_a_projection():
    dxhat, share, rest = np.reshape(printed_numbers("rms_norm"), (3, 4))
    assert np.abs(dxhat + share - rest).max() < 1e-12
    assert abs(rest @ share) < 1e-12 and abs(dxhat @ share) > 1
    assert np.abs(np.abs(share) - np.abs(share[0])).max() < 1e-12  # all |xhat| are 1


def test_the_dot_products_are_those_of_the_columns():
    _, share, rest = np.reshape(printed_numbers("rms_norm"), (3, 4))
    along, ones = (float(words.split(": ")[1]) for words in texts_of("rms_norm")[-2:])
    assert along == rest @ np.sign(-share) == 0 and ones == rest.sum() != 0
