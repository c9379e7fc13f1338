"""The picture of dpo: the curves are its loss and the loss's slopes."""

import re

import numpy as np
import pytest

from compare.book.figures.dpo import LEADS, pairs_over_leads
from pictures import painted, root_of, texts_of


def curve(color):
    """Return (u, number) of the curve of a colour, as the marks of the axes measure them."""
    marks = [(node.text, float(node.get("x")), float(node.get("y")), node.get("text-anchor"))
             for node in root_of("dpo").iter("text")]
    left, right = (next(x for word, x, _, anchor in marks if word == mark and anchor == "middle")
                   for mark in ("\u22126", "6"))
    zero, four = (next(y for word, _, y, anchor in marks if word == mark and anchor == "end")
                  for mark in "04")
    data = next(node.get("d") for node in root_of("dpo").iter("path") if painted(node, color))
    points = np.reshape([float(n) for n in re.findall(r"-?[\d.]+", data)], (-1, 2))
    return (12 * (points[:, 0] - left) / (right - left) - 6,
            4 * (points[:, 1] - (zero - 0.35 * 16)) / (four - zero))


def loss_at(u):
    return np.log(1 + np.exp(-u))


def slope_at(u):
    return (loss_at(u + 1e-5) - loss_at(u - 1e-5)) / 2e-5


@pytest.mark.parametrize("color, true", [
    ("three", loss_at), ("one", slope_at), ("two", lambda u: -slope_at(u))],
    ids=["loss", "chosen", "rejected"])
def test_a_curve_is_the_function(color, true):
    u, numbers = curve(color)
    # rounded to 0.1, where a unit is 36 wide and 60 high
    assert len(u) > 200 and np.abs(numbers - true(u)).max() < 4e-3


def test_the_pairs_are_those_of_the_layer_and_the_start_is_told():
    pairs = pairs_over_leads()
    assert np.abs(pairs.loss - loss_at(LEADS)).max() < 1e-12
    assert np.array_equal(pairs.dchosen, -pairs.drejected)
    assert {"loss 0.69", "slope 0.50", "slope -0.50"} <= {*texts_of("dpo")}
    assert round(loss_at(0), 2) == 0.69 and round(slope_at(0), 2) == -0.5
