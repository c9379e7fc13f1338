"""Arrays as a page shows them: each entry, its place, whose it is, and how far both are apart."""

import re

import numpy as np
import pytest

from compare.book.numbers.number import Number
from compare.book.pages.tables import array, entry, example_table, tables


@pytest.mark.parametrize("x, words", [
    (0.0, "0.0000"), (1.23456, "1.2346"), (-1.23456, "\u22121.2346"), (0.001, "0.0010"), (0.0009999, "0.001"),
    (-0.000123456, "\u22120.000123"), (1.5e-7, "1.5e\u221207"), (9999.0, "9999.0000"), (12345.6, "1.23e+04"),
    (np.nan, "\u2013"), (np.inf, "\u221e"), (-np.inf, "\u2212\u221e"), (True, "1"), (np.bool_(False), "0"),
    (7, "7"), (np.int64(-3), "-3"), (np.float32(0.5), "0.5000")])
def test_an_entry(x, words):
    assert entry(x) == words


def rows_of(html):
    """(label, caption, rows of entries) of each table."""
    return [(label, caption, [re.findall("<td>(.*?)</td>", row) for row in re.findall("<tr>(.*?)</tr>", body)])
            for label, caption, body in re.findall(
                r'<table class="array" aria-label="(.*?)">(?:<caption>(.*?)</caption>)?<tbody>(.*?)</tbody></table>', html)]


def test_an_array_is_a_table_for_each_place_but_on_axes_of_one():
    a = np.arange(12).reshape(2, 1, 2, 3)
    assert rows_of(array(a, "a")) == [("a [0]", "[0]", [["0", "1", "2"], ["3", "4", "5"]]),
                                      ("a [1]", "[1]", [["6", "7", "8"], ["9", "10", "11"]])]
    assert rows_of(array(a[:1], "a")) == [("a", "", [["0", "1", "2"], ["3", "4", "5"]])]
    assert rows_of(array(a.reshape(2, 2, 3, 1), "a"))[3][:2] == ("a [1, 1]", "[1, 1]")
    assert rows_of(array(a[0, 0, 0], "a &lt; <code>b</code>")) == [("a &lt; b", "", [["0", "1", "2"]])]
    assert array(np.array(0.5), "a") == "<p><code>0.5000</code></p>"


def test_a_number_stands_beside_its_twin():
    one = Number("LN-1", "a<b", np.array([1.0, 2.0]), None, np.array([1.0, 2.5]), "x<y", 0.5, "")
    html = tables([one, one])
    assert rows_of(html) == [("a&lt;b, NumPy", "", [["1.0000", "2.0000"]]),
                             ("a&lt;b, torch: x&lt;y", "", [["1.0000", "2.5000"]])] * 2
    assert re.findall('<p class="side">(.*?)</p>', html)[:2] == ["NumPy", "torch: <code>x&lt;y</code>"]
    assert "<p><code>a&lt;b</code> (2,), time 2 of 2</p>" in html and "</code> (2,)</p>" in tables([one])
    assert html.count("largest difference 5.0e-01</p>") == 2


def test_a_line_in_place_shows_before_and_after_and_a_reason_stands_for_a_twin():
    html = tables([Number("EMB-3", "d", np.array([2]), np.array([1]), None, "", None, "a < b")])
    assert rows_of(html) == [("d, NumPy, before the line", "", [["1"]]), ("d, after it", "", [["2"]])]
    assert '<p class="note">no twin in torch: a &lt; b</p>' in html


def test_a_reason_of_several_numbers_is_given_once():
    first = Number("FA-1", "a", np.ones(1), None, None, "", None, "why")
    other = first._replace(name="b", why="else")
    paired = first._replace(twin=np.ones(1), expression="a", difference=0.0, why="")
    html = tables([first, first, other, first, paired])
    assert re.findall('class="note">(.*?)</p>', html) == [
        "no twin in torch: why", "no twin in torch: else", "no twin in torch: why", "largest difference 0.0e+00"]


def test_the_example():
    html = example_table("T < 3", {"x": np.ones((1, 2)), "p": np.float64(0.5)})
    assert rows_of(html) == [("x", "", [["1.0000", "1.0000"]])] and "<p>T &lt; 3</p>" in html
    assert re.findall('<p class="side">(.*?)</p>', html) == ["<code>x</code> (1, 2)", "<code>p</code> "]
    assert "<p><code>0.5000</code></p>" in html
