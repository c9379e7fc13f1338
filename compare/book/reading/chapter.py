"""A derivation as the book shows it: a row a tag, with the lines of both sides."""

import re
from html import unescape
from typing import NamedTuple

from ...layers.source import DERIVED, TAG, path_of, read, torch_path
from .code import Code, code_of_tags
from .markdown import Block, read_blocks


class Equation(NamedTuple):
    """One tag: what it says, what derives it, and the lines that do it."""

    tag: str
    line: int            # of its heading
    told: list           # Blocks: the sentences and the equation
    loops: Block | None  # the same spelled out
    derived: list        # Blocks: what leads to the equation, and what follows from it
    numpy: Code | None   # None in a text without code beside it
    torch: Code | None   # None where no line of torch's makes it


class Part(NamedTuple):
    """A section whose headings are tags, such as the forward."""

    title: str
    opening: list        # Blocks before the first tag
    equations: list

    @property
    def backward(self):
        """Whether autograd does it, so that no line of torch's does."""
        return self.title == "Backward"


class Chapter(NamedTuple):
    """A derivation: parts with tags, in between other blocks."""

    stem: str
    title: str
    pieces: list         # Blocks and Parts, in the order of the file

    @property
    def parts(self):
        """The Parts."""
        return [piece for piece in self.pieces if isinstance(piece, Part)]

    @property
    def blocks(self):
        """The Blocks outside of all parts."""
        return [piece for piece in self.pieces if isinstance(piece, Block)]

    @property
    def equations(self):
        """The Equations of all parts."""
        return [each for part in self.parts for each in part.equations]


def read_chapter(stem, link=str):
    """Return the Chapter of a derivation; link turns the target of a link into an address.

    Raises ValueError, with file and line, for a missing title, a heading that is no tag, stands
    twice or is in no section, a tag without code or without a formula, a fold that goes beyond its
    cell, and code whose tag has no heading.
    """
    path = path_of(stem, ".md")
    blocks = read_blocks(read(path), path.as_posix(), link)
    sides = ({}, {})
    if stem in DERIVED:
        sides = code_of_tags(path_of(stem)), code_of_tags(torch_path(stem))
    check_headings(blocks, path)
    chapter = Chapter(stem, plain_words(blocks[0]), list(pieces(blocks[1:], path, sides)))
    check_chapter(chapter, path, sides[0] if stem in DERIVED else None)
    return chapter


def pieces(blocks, path, sides):
    """Yield the Blocks and the Parts that blocks make."""
    for section in split(blocks, "h2"):
        before, *tagged = split(section, "h3")
        if not tagged:
            yield from section
            continue
        rows = [read_equation(blocks, path, sides) for blocks in tagged]
        yield Part(plain_words(before[0]), unfolded(before[1:], path), rows)


def split(blocks, kind):
    """Return blocks in runs: those before the first heading of a kind, then those from each on."""
    runs = [[]]
    for block in blocks:
        if block.kind == kind:
            runs.append([])
        runs[-1].append(block)
    return runs if kind == "h3" else [run for run in runs if run]


def read_equation(blocks, path, sides):
    """Return the Equation of a tag from its heading and the blocks below it."""
    heading, *rest = blocks
    tag = plain_words(heading)
    if not TAG.fullmatch(tag):
        raise ValueError(f"{path.as_posix()}:{heading.line}: the heading is {tag}; "
                         "allowed: a tag alone, such as LN-8")
    loops = next((block for block in rest if is_python(block)), None)
    rest = [block for block in rest if block is not loops]
    end = next((i for i, block in enumerate(rest) if block.kind == "math"), None)
    if end is None:
        raise ValueError(f"{path.as_posix()}:{heading.line}: {tag} has no formula; "
                         "allowed: one or more between $$ lines")
    while end < len(rest) and rest[end].kind == "math":
        end += 1
    numpy, torch = (side.get(tag) for side in sides)
    told, derived = unfolded(rest[:end], path), unfolded(rest[end:], path)
    return Equation(tag, heading.line, told, loops, derived, numpy, torch)


def plain_words(heading):
    """Return the words of a heading, without its marks."""
    return unescape(re.sub(r"<[^>]*>", "", heading.html))


def check_headings(blocks, path):
    """Refuse a text without a title of its own, and tags that are in no section."""
    if not blocks or blocks[0].kind != "h1":
        raise ValueError(f"{path.as_posix()}:1: the text begins without a title; "
                         "allowed: a line such as # Softmax")
    section = False
    for block in blocks[1:]:
        section |= block.kind == "h2"
        if block.kind == "h1" or block.kind == "h3" and not section:
            raise ValueError(f"{path.as_posix()}:{block.line}: {block.text.strip()} is in no "
                             "section; allowed: one title, then headings with ##, and ### in those")


def unfolded(blocks, path):
    """Return blocks that stand in one cell; refuse a fold that begins or ends in another."""
    beyond = []
    for block in blocks:
        if block.kind == "/details" and beyond and beyond[-1].kind == "details":
            beyond.pop()
        elif "details" in block.kind:
            beyond.append(block)
    if beyond:
        raise ValueError(f"{path.as_posix()}:{beyond[0].line}: a fold reaches beyond; allowed: "
                         "<details> and </details> on the same side of a tag's formula, between "
                         "two headings")
    return blocks


def is_python(block):
    """Whether a block is Python code."""
    return block.kind == "pre" and block.text.startswith("```python")


def check_chapter(chapter, path, code):
    """Refuse tags that stand twice or on one side alone; code is that of NumPy by tag, or None."""
    seen, where = {}, path.as_posix()
    for row in chapter.equations:
        if row.tag in seen:
            raise ValueError(f"{where}:{row.line}: {row.tag} stands in line {seen[row.tag]}, too; "
                             "allowed: each tag once")
        if code is not None and row.tag not in code:
            raise ValueError(f"{where}:{row.line}: {row.tag} is in no line of "
                             f"{path.with_suffix('.py').as_posix()}; allowed: a tag of its code")
        seen[row.tag] = row.line
    for tag, lines in (code or {}).items():
        if tag not in seen:
            raise ValueError(f"{lines.path.as_posix()}:{lines.last}: {tag} heads nothing in "
                             f"{where}; allowed: a tag of its derivation")
