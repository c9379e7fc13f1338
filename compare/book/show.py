"""A derivation in the console: each equation with the lines of both sides."""

import itertools
import re
import shutil
import textwrap

from ..layers.source import TEXTS, path_of, read
from .reading.chapter import read_chapter
from .reading.plain import as_plain, fold_formula, plain_text

NARROWEST = 40
SIDE_BY_SIDE = 110  # from how many columns on
PROSE = 100  # no line of a text is longer
WHOLE_WORDS = {"break_long_words": False, "break_on_hyphens": False}
INDENT, BAR = "  ", "  |  "
AUTOGRAD = ": the last step first, and in torch autograd does it"


def print_rows(stem=None, tag=None, backward=False, width=None):
    """Print the rows of a derivation, of its backward alone, or the one of a tag with its text.

    The width is the console's if none is given, and at least NARROWEST. Raises ValueError for an
    unknown stem or tag, and for the backward of what has none.
    """
    if stem not in (None, *TEXTS):
        raise ValueError(f"LAYER is {stem}; allowed: {', '.join(TEXTS)}")
    if stem is None and tag is None:
        raise ValueError(f"LAYER is missing; allowed: {', '.join(TEXTS)}, or --tag TAG")
    width = max(NARROWEST, width or shutil.get_terminal_size((160, 24)).columns)
    chapter = read_chapter(stem_of_tag(tag, stem) if tag else stem)
    if backward and not any(part.backward for part in chapter.parts):
        raise ValueError(f"backward is given; allowed: with a layer, and {stem} is none")
    lines = lines_of_row(chapter, tag, width) if tag else lines_of_rows(chapter, backward, width)
    for line in lines:
        print(line)


def stem_of_tag(tag, stem=None):
    """Return the stem of the derivation that a tag is in; of one stem, if it is given."""
    found = {tag: each for each in ([stem] if stem else TEXTS)
             for tag in re.findall(r"^### ([A-Z]+-\d+)$", read(path_of(each, ".md")), re.M)}
    if tag not in found:
        those = f", those of {stem}" if stem else ""
        raise ValueError(f"TAG is {tag}; allowed: {runs(found)}{those}")
    return found[tag]


def runs(tags):
    """Return tags in a line, with those between left out: "LN-1 .. LN-4, LN-8"."""
    kept = []
    for tag in tags:
        letters, number = tag.split("-")
        if kept and kept[-1][0] == letters and kept[-1][2] == int(number) - 1:
            kept[-1][2] += 1
        else:
            kept.append([letters, int(number), int(number)])
    return ", ".join(f"{letters}-{first}" if first == last else
                     f"{letters}-{first}{',' if last == first + 1 else ' ..'} {letters}-{last}"
                     for letters, first, last in kept)


def lines_of_rows(chapter, backward, width):
    """Yield the lines of all rows, or of those of the backward."""
    yield f"{chapter.stem}: {chapter.title}"
    yield f"what leads to each equation is in {path_of(chapter.stem, '.md').as_posix()}"
    cells = {row.tag: cells_of(row, chapter) for row in chapter.equations}
    left = left_of([*cells.values()], width)
    for part in chapter.parts:
        if part.backward or not backward:
            title = part.title + (AUTOGRAD if part.backward else "")
            yield from ["", title, "-" * len(title)]
            for row in part.equations:
                yield from ["", head(row)]
                yield from equations(row, width)
                yield from both_sides(*cells[row.tag], width, left)


def lines_of_row(chapter, tag, width):
    """Yield the lines of the row of a tag, with its sentences and all its lines of torch."""
    row = next(row for row in chapter.equations if row.tag == tag)
    cells = cells_of(row, chapter, alone=True)
    yield head(row)
    for block in row.told:
        if block.kind != "math":
            yield from ["", *prose(block, min(width, PROSE))]
    yield ""
    yield from equations(row, width)
    yield from both_sides(*cells, width, left_of([cells], width))
    yield from ["", f"what leads to it: {path_of(chapter.stem, '.md').as_posix()}#{tag.lower()}"]


def head(row):
    """Return the first line of a row: its tag, and the shape of what it makes."""
    return f"{row.tag}  {row.numpy.shape if row.numpy else ''}".rstrip()


def equations(row, width):
    """Yield the lines of the formulas of a row."""
    for block in row.told:
        if block.kind == "math":
            text = as_plain(block.text.strip().strip("$"))
            yield from (INDENT + line for line in fold_formula(text, width - len(INDENT)))


def prose(block, width):
    """Return the lines of sentences, each item of a list from a line of its own."""
    if block.kind not in ("p", "ul", "ol"):
        return block.text.splitlines()
    items = re.split(r"\n(?=- |\d+\. )", plain_text(block.text.strip()))
    return [line for item in items
            for line in textwrap.wrap(" ".join(item.split()), width, **WHOLE_WORDS)]


def cells_of(row, chapter, alone=False):
    """Return the lines of NumPy and of torch, each below where they are; none if there are none.

    Lines that do several equations are in the first one's cell, and in that of a row alone.
    """
    if row.numpy is None:
        return [], []
    numpy = cell_of("NumPy", row.numpy)
    if row.torch is None:
        if any(part.backward and row in part.equations for part in chapter.parts):
            return numpy, ["torch: autograd does it"] if alone else []
        return numpy, ["torch: no line of its own"]
    done = [each.tag for each in chapter.equations if each.torch == row.torch]
    if row.tag != done[0] and not alone:
        return numpy, [f"torch: in the call at {done[0]}"]
    return numpy, cell_of("torch", row.torch, f", {runs(done)}" if done[1:] else "")


def cell_of(name, code, more=""):
    """Return where lines of code are, and below it the lines."""
    last = f"-{code.last}" if code.last > code.first else ""
    return [f"{name}: {code.path.as_posix()}:{code.first}{last}{more}",
            *textwrap.indent(code.text, INDENT).splitlines()]


def left_of(cells, width):
    """Return the columns of the left side, for the cells of rows: what both sides need, or half."""
    room = width - len(INDENT) - len(BAR)
    ours, theirs = (max((len(line) for lines in side for line in lines), default=0)
                    for side in zip(*[pair for pair in cells if all(pair)] or [([], [])]))
    return min(ours, max(room // 2, room - theirs))


def both_sides(numpy, torch, width, left):
    """Yield both cells, beside each other if there is room, else one below the other."""
    if width < SIDE_BY_SIDE or not torch:
        for line in (*numpy, *torch):
            yield from (INDENT + piece for piece in fold_code(line, width - len(INDENT)))
        return
    right = width - len(INDENT) - len(BAR) - left
    pieces = ([piece for line in lines for piece in fold_code(line, columns)]
              for lines, columns in ((numpy, left), (torch, right)))
    for ours, theirs in itertools.zip_longest(*pieces, fillvalue=""):
        yield f"{INDENT}{ours:<{left}}{BAR}{theirs}".rstrip()


def fold_code(line, width):
    """Return a line of code in pieces no wider than width, its comment below it."""
    if len(line) <= width:
        return [line]
    code, mark, comment = line.partition("  #")
    start = re.match(" *", line)[0] + INDENT
    pieces = textwrap.wrap(code.strip(), width, initial_indent=start[len(INDENT):],
                           subsequent_indent=start + INDENT, **WHOLE_WORDS)
    return pieces + textwrap.wrap(f"#{comment}" if mark else "", width, initial_indent=start,
                                  subsequent_indent=start + "# ", **WHOLE_WORDS)
