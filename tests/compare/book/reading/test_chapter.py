"""A derivation as the book reads it: its rows, and what is refused by file and line."""

import pytest

from compare.book import book as whole
from compare.book.pages import cover, links
from compare.book.reading import chapter as chapters, code as codes
from compare.book.reading.chapter import read_chapter
from compare.book.pages.links import Links
from compare.book.reading.markdown import read_blocks
from compare.book.pages.page import Evidence, page
from compare.layers.source import path_of, read

TEXT = path_of("softmax", ".md")


@pytest.fixture
def instead(monkeypatch):
    """A function that has the book read another text in a file's place."""
    def put(path, text):
        for module in chapters, codes, links, cover:
            right = module.read
            monkeypatch.setattr(module, "read", lambda asked, right=right: text if str(asked) == str(path) else right(asked))
    return put


def line_with(text, words):
    return next(number for number, line in enumerate(text.splitlines(), 1) if words in line)


FAULTS = {  # in softmax.md: what is replaced, by what, what marks the line that is named, and what is said
    "no title": ("# Softmax\n", "", None, "the text begins without a title; allowed: "),
    "two titles": ("## Setup\n", "# Setup\n", "# Setup", "# Setup is in no section; allowed: "),
    "a tag before any section": ("## What it computes", "### SM-1\n\n## What", "### SM-1", "### SM-1 is in no section; "),
    "a tag without a formula": ("### SM-2\n", "### SM-2\n\n### SM-3\n", "### SM-2", "SM-2 has no formula; allowed: "),
    "a fold over two cells": ("### SM-3\n", "### SM-3\n\n<details><summary>a</summary>\n", "<summary>a<", "a fold reaches beyond; "),
    "a fold over two rows": ("### SM-3\n", "<details><summary>a</summary>\n\n### SM-3\n", "<summary>a<", "a fold reaches beyond; "),
    "a heading that is not there": ("# Softmax\n", "# Softmax\n\n[a](layer_norm.md#ln-9)\n", "[a]",
                                    "the link leads to #ln-9 in reference/layer_norm.md; allowed: "),
    "a heading of its own that is not there": ("# Softmax\n", "# Softmax\n\n[a](#sm-9)\n", "[a]",
                                               "the link leads to #sm-9 in reference/softmax.md; allowed: ")}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_refused_by_file_and_line(fault, instead):
    old, new, mark, said = FAULTS[fault]
    right = read(TEXT)
    assert right.count(old) >= 1
    text = right.replace(old, new, 1)
    if "</details>" not in new and "<details>" in new:
        text = text.replace("### SM-4\n", "</details>\n\n### SM-4\n", 1)
    instead(TEXT, text)
    with pytest.raises(ValueError) as fault:
        read_chapter("softmax", Links().beside(TEXT.as_posix()))
    number = line_with(text, mark) if mark else 1
    assert str(fault.value).startswith(f"reference/softmax.md:{number}: {said}")


def test_the_end_of_a_fold_is_refused_where_it_stands():
    blocks = read_blocks("<details><summary>a</summary>\n\nb\n\n</details>\n\n" * 2, "a.md")
    assert chapters.unfolded(blocks, TEXT) == blocks
    with pytest.raises(ValueError, match=r"^reference/softmax\.md:5: a fold reaches beyond; "):
        chapters.unfolded(blocks[2:], TEXT)


def test_an_empty_text_is_refused(instead):
    instead(TEXT, "\n")
    with pytest.raises(ValueError, match="^reference/softmax.md:1: the text begins without a title"):
        read_chapter("softmax")


def html_of(text, instead):
    """The page of softmax with another text, without numbers and without a picture."""
    instead(TEXT, text)
    return page(read_chapter("softmax"), Links(), Evidence({}, {}, {}, whole.autograd_of("softmax")), None)


def test_marks_in_a_title_and_in_a_heading_are_taken_off(instead):
    text = read(TEXT).replace("# Softmax\n", "# The `a < b` of *C#* & $x$\n", 1).replace("## Forward\n", "## The `way`, on\n")
    html = html_of(text, instead)
    assert html.startswith("<h1>The a &lt; b of C# &amp; x</h1>") and '<h2 class="part" id="the-way-on">The way, on<' in html
    assert read_chapter("softmax").title == "The a < b of C# & x"


def test_a_torch_file_without_tags_leaves_its_cells_with_a_reason(instead):
    instead("torch_impl/softmax.py", "def forward(x):\n    return x\n")
    html = html_of(read(TEXT), instead)
    assert html.count("No line of its own: torch makes no such array.") == 4


def test_a_section_may_be_empty_and_symbols_left_out(instead):
    text = read(TEXT)
    begin, end = text.index("## Symbols"), text.index("## Setup")
    html = html_of(text[:begin] + "## Empty\n\n" + text[end:], instead)
    assert '<h2 id="empty">Empty</h2>' in html and "data-n" not in html


def test_a_row_holds_what_its_heading_does(instead):
    text = ("# A\n\n## Forward\n\nFirst.\n\n### SM-1\n\nTold.\n\n$$\na\n$$\n\n$$\nb\n$$\n\nThen.\n\n```python\nloops\n```\n\n"
            "```python\nmore\n```\n\n### SM-2\n\n$$\nc\n$$\n\n## Check\n\nEnd.\n")
    blocks = read_blocks(text, "a.md")
    part, *after = chapters.pieces(blocks[1:], TEXT, ({"SM-1": "ours"}, {"SM-2": "theirs"}))
    first, second = part.equations
    assert (part.title, [one.text for one in part.opening]) == ("Forward", ["First.\n"])
    assert (first.tag, first.line, first.numpy, first.torch) == ("SM-1", 7, "ours", None)
    assert (second.tag, second.line, second.numpy, second.torch) == ("SM-2", 29, None, "theirs")
    assert [one.kind for one in first.told] == ["p", "math", "math"] and "loops" in first.loops.text
    assert [one.text for one in first.derived] == ["Then.\n", "```python\nmore\n```\n"] and second.loops is None
    assert [one.kind for one in after] == ["h2", "p"] 
    assert not part.backward and not part._replace(title="The update").backward
    assert part._replace(title="Backward").backward


def test_a_picture_that_fails_is_named(monkeypatch):
    monkeypatch.setattr(whole, "figure_of", lambda stem: 1 / 0)
    with pytest.raises(ValueError, match=r"^compare/book/figures/gelu\.py draws no picture \(ZeroDivisionError: div.*; allowed: "):
        whole.drawn_picture("gelu")
    monkeypatch.setattr(whole, "PICTURED", [])
    assert whole.drawn_picture("gelu") is None


@pytest.mark.parametrize("old, new, said", [
    ("4. [softmax]", "4. [hardmax]", "1 lines for hardmax"),
    ("4. [softmax]", "4. softmax", "0 lines for softmax"),
    ("\n5. [", "\n5. [softmax](softmax.md): twice.\n5. [", "2 lines for softmax")])
def test_the_order_to_read_in_is_that_of_the_derivations(old, new, said, instead):
    path = "reference/README.md"
    instead(path, read(path).replace(old, new))
    number = line_with(read(path), "## The order to read in")
    with pytest.raises(ValueError, match=f"^{path}:{number}: the order to read in has {said}; allowed: "):
        cover.reading_order()
