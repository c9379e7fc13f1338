"""The derivations: each tag with its line of code, its formula, its block."""

import re
from typing import NamedTuple

from ..layers.source import DERIVED, HOUSE, TEXTS, path_of, read, tags
from ..progress import waiting
from ..words import counted

BLOCK = re.compile(r"^```python\n(.*?)^```", re.S | re.M)
SECTION = re.compile(r"^### ([A-Z]+-\d+)\n(.*?)(?=^#|\Z)", re.S | re.M)


class Tag(NamedTuple):
    """One equation and where it stands; what it lacks is empty."""

    name: str
    code: list    # the places of the lines that carry it, such as "softmax.py:36"
    formula: bool
    blocks: int   # that assert, under its heading


def derivation(stem):
    """Return a derivation."""
    return read(path_of(stem, ".md"))


def code_of(stem):
    """Return (place, line) of each line that may carry a tag of a derivation: of the code beside
    it, or, as the primer has none, of its own blocks."""
    if stem in DERIVED:
        file, blocks = f"{stem}.py", [(1, read(path_of(stem)))]
    else:
        file, text = f"{stem}.md", derivation(stem)
        blocks = [(text.count("\n", 0, block.start(1)) + 1, block[1])
                  for block in BLOCK.finditer(text)]
    return [(f"{file}:{number}", line) for start, block in blocks
            for number, line in enumerate(block.splitlines(), start)]


def tags_of(stem):
    """Return every Tag of a derivation, from the code and from the headings."""
    sections = dict(SECTION.findall(derivation(stem)))
    lines = {}
    for place, line in code_of(stem):
        for name in tags(line):
            lines.setdefault(name, []).append(place)
    return [Tag(name, lines.get(name, []), "$$" in sections.get(name, ""),
                sum("assert" in block for block in BLOCK.findall(sections.get(name, ""))))
            for name in sorted(sections | lines, key=lambda name: int(name.split("-")[1]))]


def lacks(tag):
    """Return what a tag lacks, in words: it needs one line, a formula and a block that asserts."""
    return ([] if len(tag.code) == 1 else [f"{len(tag.code)} lines of code"]) + (
        [] if tag.formula else ["no formula"]) + ([] if tag.blocks else ["no block that asserts"])


def run_blocks(stem):
    """Run every block of a derivation, in order and in one namespace; return how many asserts.

    Raises whatever a block raises: an AssertionError where the code and the derivation differ.
    """
    blocks, namespace = BLOCK.findall(derivation(stem)), {}
    for block in waiting.over(blocks):
        exec(compile(block, f"{stem}.md", "exec"), namespace)
    return sum(block.count("assert ") for block in blocks)


def underived():
    """Return the stems of layers, which have a backward, without a derivation."""
    return [path.stem for room in ("reference", "reference/labs")
            for path in sorted((HOUSE / room).glob("*.py"))
            if "\ndef backward(" in read(path) and path.stem not in TEXTS]


def print_tags(stems=()):
    """List the tags and run the blocks of some derivations, all of them for none; return whether
    nothing is missing and all hold."""
    missing, stems = [] if stems else underived(), stems or TEXTS
    problems = [f"{stem}: {stem}.md is missing beside {stem}.py" for stem in missing]
    for stem in waiting.over(stems, str):
        found = tags_of(stem)
        try:
            verdict = f"{run_blocks(stem)} asserts hold"
        except Exception as error:  # a block may raise anything
            verdict = f"FAILS: {type(error).__name__} {error}".rstrip()
            problems.append(f"{stem}.md: a block {verdict}")
        print(f"{stem}: {verdict}")
        for tag in found:
            print(f"  {tag.name:<9}{', '.join(tag.code):<24}{'formula' if tag.formula else '':<9}"
                  f"{tag.blocks} block{'' if tag.blocks == 1 else 's'}")
            problems += [f"{stem}: {tag.name} has {what}" for what in lacks(tag)]
    count = sum(len(tags_of(stem)) for stem in stems)
    print("\n" + ("\n".join(problems) if problems else
                  f"every tag has its line of code, its formula and its block: {count} in "
                  f"{counted(len(stems), 'derivation')}"))
    return not problems
