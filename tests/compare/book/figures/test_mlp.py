"""The picture of the MLP: both ways give the layer's dx, and take the operations shown."""

import numpy as np

from compare.book.figures.mlp import both_ways, example_of
from pictures import painted, root_of, texts_of
from reference import mlp


def test_both_ways_give_the_gradient_of_the_layer():
    p, x, dy = example_of(4)
    _, cache = mlp.forward(x[None, None], p)
    dx = mlp.backward(dy[None, None], cache)[0][0, 0]
    from_end, from_start = both_ways(4)
    for link in from_end[0], from_start[-1]:
        assert link.name == "dx" and np.abs(link.made - dx).max() < 1e-12


def test_the_matrix_of_y_is_the_jacobian():
    p, x, _ = example_of(4)
    jacobian, = [link.made for link in both_ways(4)[1] if link.shape == "(C, C)"]
    for i, nudge in enumerate(1e-6 * np.eye(4)):
        up, down = (mlp.forward((x + s * nudge)[None, None], p)[0][0, 0] for s in (1, -1))
        assert np.abs((up - down) / 2e-6 - jacobian[:, i]).max() < 1e-8


def test_the_operations_are_those_of_the_products():
    texts = [words.replace(",", "") for words in texts_of("mlp")]
    shown = [int(words) for words in texts if words.isdigit()]

    def sums(C):  # two products with 4C * C terms and 4C slopes; one of C * 4C * C terms
        return [16 * C**2 + 4 * C, 4 * C**2 + 8 * C**3 + 2 * C**2]

    assert shown[:6] == [128, 16, 128, 64, 512, 32] and shown[6:] == sums(4) + sums(128)


def test_the_bars_are_to_scale():
    wide = [float(node.get("width")) for node in root_of("mlp").iter("rect")
            if painted(node, "three")]
    assert abs(wide[0] / wide[1] - 272 / 608) < 1e-3
    assert abs(wide[2] / wide[3] - 262656 / 16875520) < 1e-3
