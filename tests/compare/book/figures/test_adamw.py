"""The picture of AdamW: the weights of past gradients, and the corrected mean."""

import re

import numpy as np

from compare.book.figures.adamw import BETAS, STEPS, first_steps
from pictures import painted, root_of, texts_of


def test_a_bar_is_what_the_running_mean_keeps_of_a_gradient():
    for color, beta in BETAS.items():
        high = [float(node.get("height")) for node in root_of("adamw").iter("rect")
                if painted(node, color)]
        kept = []
        for update in range(1, STEPS + 1):
            mean = 0.0
            for t in range(1, STEPS + 1):
                mean = beta * mean + (1 - beta) * (t == update)
            kept.append(mean)
        assert np.abs(np.array(high) / 2000 - kept).max() <= 1e-4  # 200 high, up to 0.1
        assert f"\u03b2 = {beta}: the sum is {sum(kept):.2f}" in texts_of("adamw")


def test_the_corrected_mean_weighs_the_gradients_with_weights_that_sum_to_one():
    gradients, means, corrected = first_steps()
    for t in range(1, STEPS + 1):
        weights = 0.9 ** np.arange(t - 1, -1, -1)
        assert abs(corrected[t - 1] - np.average(gradients[:t], weights=weights)) < 1e-12
        assert abs(means[t - 1] - 0.1 * weights @ gradients[:t]) < 1e-12


def test_the_curves_are_the_means():
    _, means, corrected = first_steps()
    texts = [node for node in root_of("adamw").iter("text") if node.get("text-anchor") == "end"]
    marks = {"".join(node.itertext()): float(node.get("y")) for node in texts}
    for color, values in ("two", means), ("three", corrected):
        curve, = [node.get("d") for node in root_of("adamw").iter("path") if painted(node, color)]
        y = np.reshape([float(n) for n in re.findall(r"-?[\d.]+", curve)], (-1, 2))[:, 1] + 5.6
        assert np.abs((y - marks["0"]) / (marks["1"] - marks["0"]) - values).max() < 2e-3
