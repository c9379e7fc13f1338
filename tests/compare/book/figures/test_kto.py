"""The picture of kto: losses that are bounded, and slopes that are steepest at z0."""

import re

import numpy as np
import pytest

from compare.book.figures.kto import RATIOS, Z0, loss_and_slope
from pictures import painted, root_of, texts_of


def lacking(ratio, good):
    """Return what a text lacks."""
    return 1 / (1 + np.exp((1 if good else -1) * (ratio - Z0)))


@pytest.mark.parametrize("good, color", [(True, "one"), (False, "two")], ids=["good", "bad"])
def test_the_curves_are_the_loss_and_its_slope(good, color):
    loss, slope = loss_and_slope(good)
    h = 1e-5
    assert np.abs(loss - lacking(RATIOS, good)).max() < 1e-12
    assert np.abs(slope - (lacking(RATIOS + h, good) - lacking(RATIOS - h, good)) / (2 * h)
                  ).max() < 1e-9
    drawn = [np.reshape([float(n) for n in re.findall(r"-?[\d.]+", node.get("d"))], (-1, 2))[:, 1]
             for node in root_of("kto").iter("path") if painted(node, color)]
    for high, numbers in zip(drawn, (loss, slope), strict=True):  # each is drawn to a scale
        scale, _ = np.polyfit(numbers, high, 1)
        assert scale < 0 and np.abs(np.polyval(np.polyfit(numbers, high, 1), numbers)
                                    - high).max() < 0.11


@pytest.mark.parametrize("good", [True, False], ids=["good", "bad"])
def test_the_steepest_place_is_z0_and_its_slope_is_told(good):
    _, slope = loss_and_slope(good)
    steepest = np.abs(slope).argmax()
    assert abs(RATIOS[steepest] - Z0) < 1e-9 and "z0 = 1" in texts_of("kto")
    assert f"steepest: {slope[steepest]:.2f}" in texts_of("kto")
    line = next(node for node in root_of("kto").iter("path") if "dasharray" in node.get("style"))
    x = float(re.findall(r"[\d.]+", line.get("d"))[0])
    places = [float(node.get("x")) for node in root_of("kto").iter("text")
              if node.get("text-anchor") == "middle" and node.text in ("0", "2")]
    assert abs(x - sum(places) / 2) <= 0.1  # between the marks 0 and 2
