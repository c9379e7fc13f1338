"""Each derivation's blocks run, and its tags are those of the code."""

import re

import pytest

from compare.__main__ import main
from compare.checks import derivations
from compare.checks.derivations import Tag, derivation
from compare.layers.labs import LABS
from compare.layers.table import LAYERS
from compare.layers.labs import LABS
from compare.layers.source import DERIVED, ELSEWHERE, HOUSE, TEXTS, tags


def test_every_layer_and_the_optimizer_have_one():
    assert set(DERIVED) == {*LAYERS, *LABS, "adamw", "fused_adamw"}
    assert set(TEXTS) - set(DERIVED) == {"backprop"}  # the primer has no code beside it


@pytest.mark.parametrize("stem", TEXTS)
def test_the_blocks_run_and_assert(stem):
    assert derivations.run_blocks(stem) >= 3


@pytest.mark.parametrize("stem", TEXTS)
def test_each_tag_has_one_line_a_formula_and_a_block_that_asserts(stem):
    found = derivations.tags_of(stem)
    assert len(found) >= 2
    assert not [(tag.name, what) for tag in found for what in derivations.lacks(tag)]
    headings = re.findall(r"^### ([A-Z]+-\d+)$", derivation(stem), re.M)
    assert headings == [tag.name for tag in found]  # each once, in order


@pytest.mark.parametrize("path", sorted((HOUSE / "torch_impl").rglob("[a-z]*.py")), ids=lambda path: path.stem)
def test_torch_carries_no_tag_that_is_not_derived(path):
    stems = [stem for stem in DERIVED if path.stem == ELSEWHERE.get(stem, stem)]
    carried = {tag for line in path.read_text(encoding="utf-8").splitlines() for tag in tags(line)}
    derived = {tag.name for stem in stems or DERIVED for tag in derivations.tags_of(stem)}
    assert carried <= derived and bool(carried) >= bool(stems)


def test_what_is_missing_is_named(monkeypatch, capsys):
    assert derivations.lacks(Tag("LN-9", [], False, 0)) == [
        "0 lines of code", "no formula", "no block that asserts"]
    right = derivations.derivation
    monkeypatch.setattr(derivations, "TEXTS", ["softmax"])
    monkeypatch.setattr(derivations, "derivation", lambda stem: right(stem).replace("### SM-5\n", "")
                        + "\n```python\nassert False\n```\n")
    assert not derivations.print_tags()
    out = capsys.readouterr().out
    assert "softmax: SM-5 has no formula" in out and "softmax.md: a block FAILS" in out


def test_a_text_without_code_carries_its_tags_in_its_blocks(monkeypatch, capsys):
    tag, = (tag for tag in derivations.tags_of("backprop") if tag.name == "BP-3")
    file, number = tag.code[0].split(":")
    assert file == "backprop.md" and tags(derivation("backprop").splitlines()[int(number) - 1]) == ["BP-3"]
    right = derivations.derivation
    monkeypatch.setattr(derivations, "derivation", lambda stem: right(stem).replace("  BP-3\n", "\n"))
    assert not derivations.print_tags(["backprop"])
    assert "backprop: BP-3 has 0 lines of code\n" in capsys.readouterr().out


def test_a_layer_without_a_derivation_is_named(monkeypatch, capsys):
    monkeypatch.setattr(derivations, "TEXTS", [stem for stem in TEXTS if stem != "softmax"])
    assert derivations.underived() == ["softmax"] and not derivations.print_tags()
    assert "softmax: softmax.md is missing beside softmax.py" in capsys.readouterr().out


@pytest.mark.parametrize("stem", TEXTS)
def test_the_maths_renders_everywhere(stem):
    lines = derivation(stem).splitlines()
    for before, line, after in zip(["", *lines], lines, [*lines[1:], ""]):
        assert "$$" not in line or line == "$$"
        assert line.strip() != "="
        assert not re.search(r"\\tag|\\operatorname|\\mbox|\\{|\\,", line), line
        assert "}_{" not in line, line  # twice in a paragraph it is emphasis, where maths is not set
        assert "\\\\" not in line.rstrip().removesuffix("\\\\"), line
    for i, line in enumerate(i for i, line in enumerate(lines) if line == "$$"):
        neighbour = lines[line - 1] if i % 2 == 0 else (lines + [""])[line + 1]
        assert neighbour == "", f"line {line + 1}: a blank line belongs beside $$"


@pytest.mark.parametrize("stem", TEXTS)
def test_each_has_its_symbols_a_worked_example_and_exercises_with_folded_answers(stem):
    sections = dict(re.findall(r"^## ([^\n]*)\n(.*?)(?=^## |\Z)", derivation(stem), re.S | re.M))
    assert sections["Symbols"].count("\n| $") >= 2
    assert "```python" in sections["A worked example"] and "assert " in sections["A worked example"]
    exercises = re.split(r"^\*\*\d+\.\*\*", sections["Exercises"], flags=re.M)[1:]
    assert 3 <= len(exercises) <= 5
    assert all(text.count("<details><summary>Answer</summary>\n") == 1 for text in exercises)
    asked = f"python -m compare exercise {stem}"
    assert stem not in LAYERS or sum(asked in text for text in exercises) == 1


def test_links_between_derivations_lead_somewhere():
    for stem in TEXTS:
        for target, anchor in re.findall(r"\]\((\w+)\.md(?:#([\w-]+))?\)", derivation(stem)):
            assert target in TEXTS or target == "README", target
            assert not anchor or f"### {anchor.upper()}\n" in derivation(target), anchor


def test_the_derivations_that_are_named_are_run_alone(capsys):
    assert main(["check", "--derivations", "gelu"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("gelu: ") and out.count(" asserts hold") == 1
    assert out.endswith("its block: 6 in 1 derivation\n")
