"""A page, made of a small chapter: each thing in its cell, and each cell in its place."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from compare.book.pages import page as pages
from compare.book.reading.chapter import Chapter, pieces
from compare.book.reading.code import Code
from compare.svg import Figure
from compare.book.pages.links import Links
from compare.book.reading.markdown import read_blocks
from compare.book.numbers.number import Number
from compare.book.numbers.numbers import Autograd
from compare.book.pages.page import Evidence, page
from compare.layers.source import path_of

TEXT = """\
# A & b

Lead.

## Symbols

| symbol | in the code |
|---|---|
| $x$ | `x` |

## Setup

```python
x < 1  # setup
```

```
transcript
```

## Forward

Opening.

### SM-1

Told $x$.

$$
x
$$

```python
loops_1
```

Then.

### SM-2

$$
2
$$

### SM-3

$$
3
$$

## Backward

### SM-4

$$
4
$$

### SM-5

$$
5
$$
"""
WALK = [f"Node{i}" for i in range(8)]


def code_at(first, text, shape, *names, path="reference/softmax.py"):
    return Code(Path(path), first, first, text, shape, names)


def a_number(tag, name, **more):
    given = dict(before=None, twin=None, expression="", difference=None, why="a reason") | more
    return Number(tag=tag, name=name, value=np.ones(2), **given)


OURS = {f"SM-{i}": code_at(10 * i, f"x = {i} < 9", f"(..., {i})", f"SM-{i}") for i in (1, 2, 3, 4)}
OURS["SM-5"] = code_at(50, "five", "", "SM-5")
THEIRS = dict.fromkeys(("SM-2", "SM-3"), code_at(7, "theirs(x)", "", "SM-2", "SM-3", path="torch_impl/softmax.py"))
NUMBERS = {"SM-1": [a_number("SM-1", "a"), a_number("SM-1", "b"), a_number("SM-1", "a")]}


def html_of(monkeypatch, stem="softmax", numbers=NUMBERS, walk=WALK, text=TEXT):
    monkeypatch.setattr(pages, "held_by", lambda *given: f"held {given[0]} {given[1]}")
    blocks = read_blocks(text, "a.md")
    chapter = Chapter(stem, "A & b", list(pieces(blocks[1:], path_of("softmax", ".md"), (OURS, THEIRS))))
    autograd = Autograd([], walk, [("x.grad", "SM-5"), ("w.grad", "SM-14")])
    evidence = Evidence({"T": 3, "eps": 0.5}, {"given": np.ones(2)}, numbers, autograd)
    return page(chapter, Links(), evidence, Figure('<svg aria-label="p"></svg>', "Title <", "Caption &"))


@pytest.fixture
def made(monkeypatch):
    """The page as a tree."""
    return ElementTree.fromstring(f"<main>{html_of(monkeypatch)}</main>")


def words(element):
    """The words of an element, those of each of its blocks apart."""
    return " ".join("".join(element.itertext()).split())


def cells(made, tag):
    """The cells of a tag by their first class."""
    row, = (one for one in made.iter("section") if one.get("aria-label") == tag)
    assert row.get("class") == "row"
    return {cell.get("class").split()[0]: cell for cell in row}


def test_a_page_begins_with_its_title_its_words_and_its_picture(made):
    tops = [(one.tag, one.get("class") or one.get("id")) for one in made]
    assert tops[:6] == [("h1", None), ("p", None), ("figure", "picture"), ("h2", "symbols"), ("table", None), ("h2", "setup")]
    assert words(made[0]) == "A & b" and words(made.find("figure/figcaption")) == "Title <. Caption &"
    assert made.find("figure/figcaption/strong").text == "Title <." and made.find("figure/svg") is not None


def test_code_of_the_text_is_folded_and_other_words_are_not(made):
    fold, transcript = made[6], made[7]
    assert fold.tag == "details" and words(fold.find("summary")) == "in code" and fold.get("open") is None
    assert fold.find("pre/code/i").text == "# setup" and words(fold.find("pre")) == "x < 1 # setup"
    assert transcript.tag == "pre" and transcript.get("tabindex") == "0" and words(transcript) == "transcript"


def test_the_example_stands_once_before_the_first_part(made):
    summaries = [words(one) for one in made.iter("summary")]
    assert summaries.count("the example of the numbers") == 1
    tops = list(made)
    place = next(i for i, one in enumerate(tops) if one.get("id") == "forward")
    assert words(tops[place - 1]).startswith("the example of the numbers T = 3, eps = 0.5given (2,)")


def test_each_part_says_how_to_read_it(made):
    assert [words(one) for one in made.iter("h2") if one.get("class") == "part"] == [
        "Forward read downwards", "Backward the last step first"]
    grids = [one for one in made if (one.get("class") or "").startswith("rows")]
    assert [one.get("class") for one in grids] == ["rows forward", "rows backward"]
    for grid in grids:
        heads = [one for one in grid if one.get("class") == "head"]
        assert [one.text for one in heads] == ["equation", "shape", "NumPy", "PyTorch"]
        assert all(one.get("aria-hidden") == "true" for one in heads)  # the cells have labels


@pytest.mark.parametrize("tag, line, last", [("SM-1", 2, True), ("SM-2", 4, False), ("SM-3", 6, True),
                                             ("SM-4", 2, False), ("SM-5", 4, True)])
def test_a_row_stands_in_its_lines_of_the_grid(tag, line, last, made):
    found = cells(made, tag)
    for name in "equation", "shape", "numpy":
        assert found[name].get("style") == f"grid-row:{line}"
    assert found["under"].get("style") == f"grid-row:{line + 1}"
    assert found["under"].get("class") == ("under whole" if last else "under")


def test_a_cell_of_torch_spans_the_rows_that_it_does(made):
    assert {tag: cells(made, tag)["torch"].get("style") for tag in OURS if "torch" in cells(made, tag)} == {
        "SM-1": "grid-row:2 / span 1", "SM-2": "grid-row:4 / span 3", "SM-4": "grid-row:2 / span 3"}


def test_what_stands_in_the_cells(made):
    found = cells(made, "SM-1")
    heading = found["equation"].find("h3")
    assert heading.get("id") == "sm-1" and heading.find("a").get("href") == "#sm-1" and words(heading) == "SM-1"
    assert [one.tag for one in found["equation"]] == ["h3", "p", "math"]
    assert found["equation"].find("p/math/mi").get("data-n") == "x"
    assert words(found["shape"]) == "shape(\u2026, 1)" and words(cells(made, "SM-5")["shape"]) == ""
    code = found["numpy"].find("pre")
    assert words(code) == "x = 1 < 9" and code.find("code/span").get("data-n") == "x"
    link = found["numpy"].find("p[@class='lines']/a")
    assert (link.text, link.get("href")) == ("reference/softmax.py:10", "source/reference/softmax.py.html#L10")
    assert words(cells(made, "SM-2")["numpy"].find("pre")) == "x = 2 < 9"
    theirs = cells(made, "SM-2")["torch"]
    assert words(theirs) == "PyTorchtheirs(x)torch_impl/softmax.py:7SM-2 to SM-3 at once."
    assert theirs.find("div/p/a").get("href") == "source/torch_impl/softmax.py.html#L7"


def test_each_cell_has_a_label_for_those_who_do_not_see_the_column(made):
    for tag in OURS:
        labels = {name: [words(one) for one in cell.iter("p") if one.get("class") == "label"]
                  for name, cell in cells(made, tag).items()}
        wanted = {"equation": [], "shape": ["shape"], "numpy": ["NumPy"], "torch": ["PyTorch"], "under": []}
        assert labels == {name: wanted[name] if tag != "SM-5" or name != "shape" else [] for name in labels}


def test_below_a_row_are_its_folds_its_tests_and_its_derivation(made):
    under = cells(made, "SM-1")["under"]
    folds, then = under
    loops, numbers, held = folds
    assert words(loops.find("summary")) == "SM-1 in plain loops" and words(loops.find("pre")) == "loops_1"
    assert words(numbers.find("summary")) == "SM-1 the numbers: a, b"
    assert len(numbers.findall("div[@class='number']")) == 3
    assert held.get("class") == "held" and words(held) == "held softmax SM-1"
    assert words(then) == "Then."
    assert [one.tag for one in cells(made, "SM-2")["under"].find("div")] == ["p"]


def test_autograd_stands_beside_the_backward(made):
    torch = cells(made, "SM-4")["torch"]
    assert ["".join(one.itertext()) for one in torch.iter("pre")] == [
        "y.backward(dy)", "\n".join(WALK), "SM-5   x.grad\nSM-14  w.grad"]
    assert not list(torch.iter("details"))


def test_a_long_walk_of_autograd_is_folded(monkeypatch):
    made = ElementTree.fromstring(f"<main>{html_of(monkeypatch, walk=[*WALK, 'Last'])}</main>")
    fold = cells(made, "SM-4")["torch"].find("div/details")
    assert words(fold.find("summary")) == "all 9 steps of autograd" and "Last" in words(fold.find("pre"))


@pytest.mark.parametrize("numbers, why", [
    ([], "torch makes no such array"), ([a_number("SM-1", "a")], "a reason"),
    ([a_number("SM-1", "a"), a_number("SM-1", "b", expression="h<", twin=np.ones(2), difference=0.0, why="")],
     "torch keeps it as h<")])
def test_a_cell_without_a_line_of_torch_says_why(numbers, why, monkeypatch):
    made = ElementTree.fromstring(f"<main>{html_of(monkeypatch, numbers={'SM-1': numbers})}</main>")
    assert words(cells(made, "SM-1")["torch"].find("div/p[@class='note']")) == f"No line of its own: {why}."
    assert ("the numbers" in words(cells(made, "SM-1")["under"])) == bool(numbers)


def test_a_text_without_code_has_no_columns_and_keeps_its_order(monkeypatch):
    html = html_of(monkeypatch, stem="backprop", text=TEXT.replace("Then.\n", "Then.\n\n```python\nmore\n```\n"))
    made = ElementTree.fromstring(f"<main>{html}</main>")
    assert not list(made.iter("section")) and not list(made.iter("details"))[1:]  # the example alone
    place = next(i for i, one in enumerate(made) if one.get("id") == "sm-1")
    assert [(one.tag, words(one)) for one in list(made)[place:place + 6]] == [
        ("h3", "SM-1"), ("p", "Told x."), ("math", "x"), ("pre", "loops_1"), ("p", "Then."), ("pre", "more")]


def test_every_fold_has_a_summary_of_its_own(made):
    folds = [one.find("summary") for one in made.iter("details")]
    assert all(one is not None and words(one) for one in folds)
    named = [words(one) for one in folds if re.search("loops|numbers:", words(one))]
    assert len(named) == len(set(named)) == 2
