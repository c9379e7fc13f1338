"""Every picture: well-formed, described, without an address, its text large, inside and apart."""

import itertools
import re

import pytest

from compare.book.figures import PICTURED, figure_of
from compare.svg import COLORS, TINT
from pictures import picture_of, root_of

WIDE = {"sans": 0.57, "mono": 0.61}  # of a letter, in heights of the text, in DejaVu


@pytest.mark.parametrize("stem", PICTURED)
def test_a_picture_is_well_formed_and_says_what_it_is(stem):
    picture, root = picture_of(stem), root_of(stem)
    assert root.get("role") == "img" and root.get("aria-label") == picture.title
    assert root.find("desc").text == picture.text
    assert picture.title and picture.text.endswith((".", ".)"))


@pytest.mark.parametrize("stem", PICTURED)
def test_a_picture_holds_nothing_but_shapes_and_words(stem):
    allowed = {"svg", "desc", "text", "tspan", "rect", "path", "polygon", "circle", "line", "g"}
    assert {node.tag for node in root_of(stem).iter()} <= allowed
    assert not re.search(r"//|\bid=|href|url\(", picture_of(stem).svg)
    plain = re.sub(r"var\(--(\w+),(#\w+)\)", lambda found: f"{COLORS[found[1]].index(found[2])}",
                   picture_of(stem).svg)
    assert not re.search(r"(?<!&)#", plain)  # no colour but those that follow the scheme


def boxes(stem):
    """Return (left, top, right, bottom) of each text, as wide as it is in the widest of our fonts."""
    found = {}
    for node in root_of(stem).iter("text"):
        words = "".join(node.itertext())
        size, x, y = (float(node.get(name)) for name in ("font-size", "x", "y"))
        code = sum(len(span.text) for span in node)
        wide = size * (WIDE["mono"] * code + WIDE["sans"] * (len(words) - code))
        left = x - wide * {"start": 0, "middle": 0.5, "end": 1}[node.get("text-anchor")]
        found[words, x, y] = left, y - 0.75 * size, left + wide, y + 0.25 * size
    return found


@pytest.mark.parametrize("stem", PICTURED)
def test_text_is_large_enough_for_a_phone(stem):
    width = float(root_of(stem).get("viewBox").split()[2])
    for node in root_of(stem).iter("text"):
        assert float(node.get("font-size")) * 360 / width >= 12, "".join(node.itertext())


@pytest.mark.parametrize("stem", PICTURED)
def test_text_stays_inside_and_off_other_text(stem):
    width, height = map(float, root_of(stem).get("viewBox").split()[2:])
    for name, (left, top, right, bottom) in boxes(stem).items():
        assert 0 <= left and right <= width and 0 <= top and bottom <= height, name
    for (name, one), (other, two) in itertools.combinations(boxes(stem).items(), 2):
        apart = one[2] <= two[0] or two[2] <= one[0] or one[3] <= two[1] or two[3] <= one[1]
        assert apart, (name, other)


@pytest.mark.parametrize("stem", PICTURED)
def test_shapes_stay_inside(stem):
    width, height = map(float, root_of(stem).get("viewBox").split()[2:])
    for node in root_of(stem).iter():
        corners = []
        if node.tag == "rect":
            x, y, wide, high = (float(node.get(name)) for name in ("x", "y", "width", "height"))
            corners = [(x, y), (x + wide, y + high)]
        if node.tag in ("path", "polygon"):
            numbers = map(float, re.findall(r"-?[\d.]+", node.get("d") or node.get("points")))
            corners = list(zip(numbers, numbers))
        assert all(0 <= x <= width and 0 <= y <= height for x, y in corners), node.attrib


def test_a_layer_without_a_picture_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="LAYER is decode; allowed: .*softmax"):
        figure_of("decode")


def contrast(first, second):
    """Return the contrast of two colours (r, g, b), as WCAG 2 defines it."""
    high, low = sorted((luminance(color) for color in (first, second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(color):
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_is_readable_on_paper_and_on_tinted_cells(scheme):
    color = {name: [int(both[scheme][i:i + 2], 16) / 255 for i in (1, 3, 5)]
             for name, both in COLORS.items()}
    for name in "ink", "muted", "one", "two", "three":
        assert contrast(color[name], color["paper"]) >= 4.5, name
    for name in "one", "two", "three":
        cell = [TINT * a + (1 - TINT) * b for a, b in zip(color[name], color["paper"])]
        assert contrast(color["ink"], cell) >= 4.5, name
