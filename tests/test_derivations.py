"""Each derivation's blocks run, and its tags are those of the code."""

import re
from pathlib import Path

import pytest

from compare.show import tags

HOUSE = Path(__file__).parent.parent
STEMS = sorted(path.stem for path in (HOUSE / "reference").glob("*.md") if path.stem != "README")
BLOCK = re.compile(r"^```python\n(.*?)^```", re.S | re.M)
SECTION = re.compile(r"^### ([A-Z]+-\d+)\n(.*?)(?=^#|\Z)", re.S | re.M)


def derivation(stem):
    return (HOUSE / "reference" / f"{stem}.md").read_text(encoding="utf-8")


def code_tags(folder, stem):
    lines = (HOUSE / folder / f"{stem}.py").read_text(encoding="utf-8").splitlines()
    return [tag for line in lines for tag in tags(line)]


def test_every_layer_and_the_optimizer_have_one():
    from compare.layers import LAYERS
    assert set(STEMS) == {*LAYERS, "adamw"}


@pytest.mark.parametrize("stem", STEMS)
def test_the_blocks_run_and_assert(stem):
    blocks, namespace = BLOCK.findall(derivation(stem)), {}
    assert sum("assert" in block for block in blocks) >= 3
    for block in blocks:
        exec(compile(block, f"{stem}.md", "exec"), namespace)


@pytest.mark.parametrize("stem", STEMS)
def test_each_tag_in_the_code_is_one_heading_and_the_other_way_round(stem):
    headings = [tag for tag, _ in SECTION.findall(derivation(stem))]
    assert headings == sorted(set(code_tags("reference", stem)),
                              key=lambda tag: int(tag.split("-")[1]))
    assert len(code_tags("reference", stem)) == len(headings)
    assert set(code_tags("torch_impl", stem)) <= set(headings)


@pytest.mark.parametrize("stem", STEMS)
def test_each_tag_has_a_formula_and_a_block_that_asserts(stem):
    for tag, body in SECTION.findall(derivation(stem)):
        assert "$$" in body, tag
        assert any("assert" in block for block in BLOCK.findall(body)), tag


@pytest.mark.parametrize("stem", STEMS)
def test_the_maths_renders_everywhere(stem):
    lines = derivation(stem).splitlines()
    for before, line, after in zip(["", *lines], lines, [*lines[1:], ""]):
        assert "$$" not in line or line == "$$"
        assert line.strip() != "="
        assert not re.search(r"\\tag|\\operatorname|\\mbox|\\{|\\,", line), line
        assert "\\\\" not in line.rstrip().removesuffix("\\\\"), line
    for i, line in enumerate(i for i, line in enumerate(lines) if line == "$$"):
        neighbour = lines[line - 1] if i % 2 == 0 else (lines + [""])[line + 1]
        assert neighbour == "", f"line {line + 1}: a blank line belongs beside $$"


def test_links_between_derivations_lead_somewhere():
    for stem in STEMS:
        for target, anchor in re.findall(r"\]\((\w+)\.md(?:#([\w-]+))?\)", derivation(stem)):
            assert target in STEMS or target == "README", target
            assert not anchor or f"### {anchor.upper()}\n" in derivation(target), anchor
