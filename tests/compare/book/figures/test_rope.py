"""The picture of rope: the products add up to the scores, and both scores are the same."""

import numpy as np

from compare.book.figures.rope import PLACES
from pictures import printed_numbers, root_of, texts_of


def test_the_scores_are_sums_and_the_same_at_both_places():
    left_0, left_1, left, right_0, right_1, right = printed_numbers("rope")[:6]
    assert (left_0, left_1, left) == (right_0, right_1, right)
    assert abs(left_0 + left_1 - left) < 1e-9
    (t, u), (later_t, later_u) = PLACES
    assert u - t == later_u - later_t and t != later_t
    assert f"query at {t}, key at {u}" in texts_of("rope")


def test_the_arrows_of_a_pair_stand_at_the_same_angle_at_both_places():
    tips = []
    for node in root_of("rope").iter("polygon"):
        tips.append(complex(*map(float, node.get("points").split()[0].split(","))))
    middles = [complex(170 + 196 * column, 122 + 212 * i) for column in range(2) for i in range(2)]
    between = [np.angle((tips[2 * n] - at) / (tips[2 * n + 1] - at)) for n, at in enumerate(middles)]
    assert np.abs(np.subtract(between[:2], between[2:])).max() < 0.01
    assert abs(between[0] - between[1]) > 0.5
