"""The picture of gelu: the curves are the gate, the value and the slope."""

import re

import numpy as np
import pytest

from pictures import printed_numbers, painted, root_of, texts_of


def curve(color):
    """Return (x, y) of the curve of a colour, as the marks of the axes measure them."""
    marks = {"".join(node.itertext()): node for node in root_of("gelu").iter("text")}
    left, right = (float(marks[name].get("x")) for name in ("\u22124", "4"))
    zero, two = (float(node.get("y")) for node in root_of("gelu").iter("text")
                 if node.get("text-anchor") == "end" and node.text in "02")
    shift = 0.35 * 16  # from the middle of a text to its base line
    lines = [node.get("d") for node in root_of("gelu").iter("path") if painted(node, color)]
    points = np.reshape([float(n) for n in re.findall(r"-?[\d.]+", lines[0])], (-1, 2))
    return (8 * (points[:, 0] - left) / (right - left) - 4,
            2 * (points[:, 1] - (zero - shift)) / (two - zero))


def value(x):
    return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


@pytest.mark.parametrize("color, true", [
    ("one", value), ("three", lambda x: value(x) / np.where(x == 0, np.nan, x)),
    ("two", lambda x: (value(x + 1e-5) - value(x - 1e-5)) / 2e-5)], ids=["value", "gate", "slope"])
def test_a_curve_is_the_function(color, true):
    x, y = curve(color)
    assert len(x) > 600 and np.nanmax(np.abs(y - true(x))) < 3e-3  # rounded to 0.1 of 125


def test_the_marked_places_are_the_extremes():
    x = np.linspace(-2, 2, 40001)
    slope = np.diff(value(x)) / np.diff(x)
    assert any("slope is 0: x = -0.75" in words for words in texts_of("gelu"))
    assert round(x[value(x).argmin()], 2) == -0.75
    assert printed_numbers("gelu")[-1] == round(slope.max(), 2)
