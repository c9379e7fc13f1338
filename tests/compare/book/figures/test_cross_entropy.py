"""The picture of cross_entropy: probabilities, and the same less the one-hot target."""

import numpy as np

from pictures import printed_numbers, painted, root_of


def boxes(color):
    """Return the rectangles of a colour, each as a dict of its numbers."""
    return [{name: float(node.get(name)) for name in ("x", "y", "width", "height")}
            for node in root_of("cross_entropy").iter("rect") if painted(node, color)]


def test_the_gradient_is_the_probabilities_less_the_target():
    probs, dlogits = np.reshape(printed_numbers("cross_entropy"), (2, 5))
    assert abs(probs.sum() - 1) < 1e-12 and abs(dlogits.sum()) < 1e-12
    assert np.abs(dlogits - (probs - np.eye(5)[1])).max() < 1e-12


def test_the_target_hangs_by_as_much_as_it_lacks_of_one():
    missing, one, hanging = (box["height"] for box in boxes("two"))
    assert abs(hanging - missing) <= 0.1 and abs(hanging / one - 0.7) < 1e-3


def test_the_bars_are_to_scale_and_stand_or_hang_on_one_level():
    unit, hanging = boxes("two")[1:]
    standing = [box["height"] / unit["height"] for box in boxes("one")]
    assert np.allclose(standing, [0.1, 0.3, 0.05, 0.4, 0.15, 0.1, 0.05, 0.4, 0.15], atol=1e-3)
    for box in boxes("one")[5:]:
        assert abs(box["y"] + box["height"] - hanging["y"]) <= 0.11
