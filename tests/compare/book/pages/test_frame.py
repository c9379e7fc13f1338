"""What every page has around it, the pages of sources, and the cover."""

import re

from compare.book.pages.cover import cover, reading_order
from compare.book.pages.frame import document, source_page
from compare.book.pages.map import model_map
from compare.layers.labs import LABS
from compare.layers.source import TEXTS, path_of
from compare.layers.table import LAYERS


def test_the_frame_of_a_page():
    html = document("A <b>", "<p>body</p>", at="../../", before=("p.html", "P & q"), after=("n.html", "N <"))
    assert html.startswith('<!doctype html>\n<html lang="en">') and '<meta charset="utf-8">' in html
    assert "<title>A &lt;b&gt; \u00b7 " in html and 'content="width=device-width, initial-scale=1"' in html
    assert '<link rel="stylesheet" href="../../style.css">' in html
    assert '<script defer src="../../names.js"></script>' in html
    assert re.search(r'<body>\s*<a class="skip" href="#main">.*<header><nav aria-label="\w+">', html, re.S)
    assert '<main id="main">\n<p>body</p>\n</main>' in html and "<footer>" in html
    links = re.findall(r'<a (?:rel="(\w+)" )?href="(.*?)">(.*?)</a>', html[html.index("<nav"):html.index("</nav>")])
    assert links == [("", "../../index.html", "The book"), ("", "../../glossary.html", "Glossary"),
                     ("prev", "../../p.html", "\u2190 P &amp; q"), ("next", "../../n.html", "N &lt; \u2192")]


def test_a_page_at_an_end_has_one_neighbour():
    neighbour = "b.html", "B"
    for given, ways in ({}, []), ({"before": neighbour}, ["prev"]), ({"after": neighbour}, ["next"]):
        assert re.findall(r'<a rel="(\w+)"', document("A", "", **given)) == ways


def test_a_source_has_an_anchor_a_line():
    html = source_page("a/<b>.py", "x < 1\n\n'&'\n", "../")
    assert re.findall(r'<span id="L(\d+)">(.*?)\n</span>', html) == [("1", "x &lt; 1"), ("2", ""), ("3", "'&amp;'")]
    assert '<h1 class="path">a/&lt;b&gt;.py</h1>' in html and 'href="../style.css"' in html
    assert '<pre class="source" tabindex="0">' in html


def test_the_cover_lists_every_page_in_the_order_to_read_in():
    html = cover({stem: f"{stem} & co" for stem in TEXTS})
    items = re.findall(r'<li><a href="(\w+)\.html">(.*?)</a>:? (.*?)</li>', html, re.S)
    listed, order = [stem for stem, *_ in items], [stem for stem, _ in reading_order()]
    assert sorted(listed) == sorted(TEXTS)
    for among in (lambda stem: stem in LAYERS and path_of(stem).parent.name != "labs",
                  lambda stem: stem in LAYERS and stem not in LABS):
        assert [*filter(among, listed)] == [*filter(among, order)]
    assert items[0][0] == "backprop" and items[0][1] == "backprop &amp; co"
    assert {words for stem, words, _ in items if stem in LABS} == {lab.asks for lab in LABS.values()}
    assert all(words == words.strip() and "\n" not in words for *_, words in items)


def test_the_map_is_a_group_of_links_with_words():
    svg = model_map().svg
    assert re.match(r'<svg [^>]*role="group" aria-label="\w', svg)  # links in an image would not be heard
    links = re.findall(r'<a href="(\w+)\.html">(.*?)</a>', svg, re.S)
    assert {stem for stem, _ in links} == {"cross_entropy", "gpt", "layer_norm", "dropout", "embedding", "block",
                                           "attention", "linear", "softmax", "mlp", "gelu", "adamw"}
    for stem, inside in links:
        words, = re.findall(r"<text [^>]*>([^<]+)</text>", inside)
        assert words.lower().replace("-", "_").replace(" ", "_")[:4] in ("head", "norm", stem[:4]), stem
