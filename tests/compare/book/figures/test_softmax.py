"""The picture of softmax: the numbers are diag(y) - y y^T, and the rows sum to 0 as printed."""

import re

import numpy as np

from pictures import printed_numbers, painted, root_of, texts_of


def test_the_jacobian_is_that_of_the_outputs_shown():
    y = [float(words[5:]) for words in texts_of("softmax") if re.match(r"y\[\d\]=", words)]
    jacobian, sums = np.reshape(printed_numbers("softmax")[:16], (4, 4)), printed_numbers("softmax")[16:]
    assert abs(sum(y) - 1) < 1e-12 and sums == [0, 0, 0, 0]
    assert np.abs(jacobian - (np.diag(y) - np.outer(y, y))).max() < 1e-12
    assert np.abs(jacobian.sum(1)).max() < 1e-12


def test_the_tint_says_the_sign():
    tints = [node for node in root_of("softmax").iter("rect")][:16]
    assert [painted(tint, "one") for tint in tints] == list(np.eye(4, dtype=bool).flat)
