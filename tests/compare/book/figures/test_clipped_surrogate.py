"""The picture of clipped_surrogate: the gain, and where its slope is 0."""

import re

import numpy as np
import pytest

from compare.book.figures.clipped_surrogate import RATIOS, gain_and_slope
from pictures import painted, root_of


def ends_of(color, style):
    """Return the ends (ratio, gain) of each line of a colour and a style, from the axes' marks."""
    places = {"".join(node.itertext()): [float(node.get(name)) for name in "xy"]
              for node in root_of("clipped_surrogate").iter("text")}
    marks = "0.4", "1.6", "0.0", "1.0"
    (x, _), (right, _), (_, zero), (_, one) = (places[mark] for mark in marks)
    found = []
    for node in root_of("clipped_surrogate").iter("path"):
        if painted(node, color) and style in node.get("style"):
            points = np.reshape([float(n) for n in re.findall(r"-?[\d.]+", node.get("d"))], (-1, 2))
            at = (points - [x, zero - 0.35 * 16]) / [right - x, one - zero] * [1.2, 1] + [0.4, 0]
            found.append(at[[0, -1]].round(2).tolist())
    return found


def test_the_lines_are_drawn_where_the_clip_lets_the_gain_grow_and_where_not():
    assert ends_of("one", "width:3.5") == [[[0.2, 0.2], [1.2, 1.2]], [[0.8, -0.8], [1.8, -1.8]]]
    held = ends_of("two", "width:3.5")
    assert np.allclose(held, [[[1.2, 1.2], [1.8, 1.2]], [[0.2, -0.8], [0.8, -0.8]]], atol=0.011)
    free = [[[0.2, 0.2], [1.8, 1.8]], [[0.2, -0.2], [1.8, -1.8]]]
    assert ends_of("muted", "dasharray:7 6") == free


@pytest.mark.parametrize("advantage", [1.0, -1.0])
def test_the_gain_is_the_smaller_of_two_and_its_slope_the_advantage_or_0(advantage):
    gain, slope = gain_and_slope(advantage)
    free, held = advantage * RATIOS, advantage * RATIOS.clip(0.8, 1.2)
    assert np.abs(gain - np.minimum(free, held)).max() < 1e-12
    off_corner = np.abs(np.abs(RATIOS - 1) - 0.2) > 1e-9
    assert np.abs(slope - np.where(free > held, 0, advantage))[off_corner].max() < 1e-12
