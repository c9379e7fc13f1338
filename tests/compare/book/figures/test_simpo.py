"""The picture of simpo: sums in pieces, means, and the lead less the margin."""

import numpy as np

from compare.book.figures.simpo import BETA, CHOSEN, GAMMA, REJECTED, UNIT, compared
from pictures import painted, printed_numbers, root_of, texts_of


def widths(color):
    """Return the widths of the bars of a colour, in numbers."""
    return [float(node.get("width")) / UNIT for node in root_of("simpo").iter("rect")
            if painted(node, color)]


def test_the_order_of_the_sums_is_not_that_of_the_means():
    means = [BETA * logp / length for logp, length in (CHOSEN, REJECTED)]
    assert CHOSEN[0] < REJECTED[0] and means[0] > means[1] + GAMMA
    assert np.abs(np.array(means) - compared().means).max() < 1e-12
    assert printed_numbers("simpo") == [CHOSEN[0], means[0], REJECTED[0], means[1], 0, 0]


def test_the_bars_are_to_scale():
    for color, (logp, length) in ("one", CHOSEN), ("two", REJECTED):
        *pieces, mean = widths(color)
        assert len(pieces) == length and np.allclose(pieces, -logp / length, atol=1e-3)
        assert abs(mean + BETA * logp / length) < 1e-3
    assert abs(widths("line")[0] - GAMMA) < 1e-3 and abs(widths("three")[0] - 0.9) < 1e-3


def test_the_margin_and_u_fill_the_lead_and_the_slopes_are_those_of_the_loss():
    (a, n), (c, m) = CHOSEN, REJECTED
    u = compared().u
    assert abs(GAMMA + u - BETA * (a / n - c / m)) < 1e-12
    assert f"u = {u:.2f}" in texts_of("simpo")
    pull = BETA / (1 + np.exp(u))
    assert np.allclose(compared().slopes, [-pull / n, pull / m], rtol=1e-12)
    assert {f"chosen {-pull / n:.2f}", f"rejected {pull / m:.2f}"} <= {*texts_of("simpo")}
