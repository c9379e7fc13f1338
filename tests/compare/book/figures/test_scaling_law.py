"""The picture of scaling_law: its shares are the law's, and its bars are to scale."""

import numpy as np

from compare.book.figures.scaling_law import DECADES, MARKED, THETA, TOKENS, law_terms
from pictures import printed_numbers, root_of


def expected(decade):
    """The three terms at a size, by their formulas."""
    a, alpha, b, beta, e, _ = THETA
    return np.array([np.exp(a) * 10.0 ** (-alpha * decade), np.exp(b) * TOKENS**-beta, np.exp(e)])


def test_the_losses_are_the_sums_of_the_terms():
    found = law_terms(DECADES)
    np.testing.assert_allclose(found.losses, [expected(d).sum() for d in DECADES], rtol=1e-12)
    assert (np.diff(found.losses) < 0).all() and found.losses.max() < 7


def test_the_shares_are_printed_and_their_bars_are_to_scale():
    shares = [share for d in MARKED for share in expected(d) / expected(d).sum()]
    np.testing.assert_allclose(printed_numbers("scaling_law")[-6:], shares, atol=0.005)
    bars = [float(node.get("width")) for node in root_of("scaling_law").iter("rect")
            if node.get("height") == "26"]
    np.testing.assert_allclose(bars, 340 * np.array(shares), atol=0.06)
