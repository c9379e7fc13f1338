"""The tests that a row names: each is there, and its link leads to its line."""

import re

import pytest

from compare.book.pages import held
from compare.book.pages.held import HELD, held_by, planted
from compare.book.pages.links import Links
from compare.layers.source import DERIVED, read


def test_a_row_leads_to_its_tests_and_counts_the_wrong_versions(monkeypatch):
    monkeypatch.setattr(held, "planted", lambda stem: {"SM-2": 1, "SM-3": 2})
    html = held_by("softmax", "SM-2", Links())
    found = re.findall(r'<a href="source/([^"]*)\.html#L(\d+)" title="(\w+)\[softmax\]">(\w+\.py)</a>', html)
    assert [(name, file) for *_, name, file in found] == [
        ("test_the_blocks_run_and_assert", "test_derivations.py"),
        ("test_output_and_gradients_agree_with_torch", "test_layers.py")]
    for path, line, name, _ in found:
        assert read(path).splitlines()[int(line) - 1].startswith(f"def {name}(")
    assert html.startswith("held by <a") and html.endswith("plants 1 wrong version of it")
    assert held_by("softmax", "SM-3", Links()).endswith("plants 2 wrong versions of it")
    assert held_by("softmax", "SM-4", Links()).endswith("</a>")


def test_the_wrong_versions_are_those_that_are_planted():
    assert planted("softmax")["SM-5"] > 1 and not planted("backprop")


def test_every_derivation_with_code_has_its_test():
    assert set(HELD) == set(DERIVED)


def test_a_test_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="^tests/test_house.py has no test test_x; allowed: one that is there"):
        held.test("tests/test_house.py", "test_x", "softmax", Links())
