"""Where links lead: to a page, to a line of a source, to a heading; or they are refused."""

import pytest

from compare.book.pages import links as whole
from compare.book.pages.links import Links, line_of


@pytest.mark.parametrize("target, address", [
    ("https://arxiv.org/abs/1607.06450", "https://arxiv.org/abs/1607.06450"),
    ("softmax.md", "softmax.html"), ("softmax.md#sm-5", "softmax.html#sm-5"),
    ("#the-order-to-read-in", "#the-order-to-read-in"),
    ("fast/fused_adamw.md#faw-1", "fused_adamw.html#faw-1"), ("GLOSSARY.md", "glossary.html"),
    ("DEBATES.md#scaling-or-theory", "debates.html#scaling-or-theory"),
    ("softmax.py", "source/reference/softmax.py.html"), ("../LICENSE", "source/LICENSE.html"),
    ("fast/", "source/reference/fast/README.md.html"),
])
def test_a_link_leads_to_its_page(target, address):
    assert Links().beside("reference/README.md")(target) == address


def test_a_heading_of_a_file_without_a_page_is_its_line():
    links, path = Links(), "compare/checks/README.md"
    address = links.beside("reference/softmax.md")(f"../{path}#the-oracles")
    number = int(address.removeprefix(f"source/{path}.html#L"))
    assert whole.read(path).splitlines()[number - 1] == "## The oracles"
    assert links.sources == {path: f"source/{path}.html"}
    assert links.to_source(path) == f"source/{path}.html" and links.to_source(path, 3).endswith("#L3")


@pytest.mark.parametrize("target, named", [
    ("softmax.pie", "softmax.pie"), ("softmax.md#sm-9", "#sm-9 in reference/softmax.md"),
    ("#sm-9", "#sm-9 in reference/README.md"), ("softmax.md#", "# in reference/softmax.md"),
    ("../compare/checks/README.md#the-oracle", "#the-oracle in compare/checks/README.md"),
    ("../../etc/passwd", "../../etc/passwd"), ("/etc/passwd", "/etc/passwd"), ("http://a.b", "http://a.b"),
    ("../torch_impl", "../torch_impl"),  # a folder without a README
])
def test_a_link_to_nothing_is_refused(target, named):
    with pytest.raises(LookupError, match=f"^the link leads to {named}; allowed: "):
        Links().beside("reference/README.md")(target)


def test_a_heading_is_found_by_the_name_that_its_page_gives_it(monkeypatch):
    monkeypatch.setattr(whole, "read", lambda path: "# A `b` c\n```\n# no heading\n```\n## D\n### D\n#### D\n")
    assert [line_of("x.md", place) for place in ("a-b-c", "d", "d-1", "d-2")] == [1, 5, 6, 7]
    for place in "no-heading", "d-3", "":
        with pytest.raises(LookupError):
            line_of("x.md", place)
