"""The picture of swiglu: what its labels say is so of g times the logistic function."""

import numpy as np

from compare.book.figures.swiglu import ALONE
from pictures import texts_of
from reference import swiglu


def silu(g):
    return g / (1 + np.exp(-g))


def test_one_gate_alone_is_silu_and_its_slope():
    g = np.linspace(-3, 3, 13)
    y, cache = swiglu.forward(np.stack([g, np.ones_like(g)], 1), ALONE)
    dx, _ = swiglu.backward(np.ones_like(y), cache)
    np.testing.assert_allclose(y[:, 0], silu(g), atol=1e-15)
    np.testing.assert_allclose(dx[:, 0], (silu(g + 1e-6) - silu(g - 1e-6)) / 2e-6, atol=1e-8)


def test_the_labels_name_the_lowest_value_and_the_steepest_slope():
    g = np.linspace(-5, 5, 100_001)
    lowest = g[silu(g).argmin()]
    label, = [words for words in texts_of("swiglu") if "g = " in words]
    assert abs(float(label.split("g = ")[1]) - lowest) <= 0.0051
    steepest = np.gradient(silu(g), g).max()
    assert f"{steepest:.2f}" in texts_of("swiglu")
