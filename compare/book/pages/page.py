"""A chapter of the book as HTML: a row a tag, with equation, NumPy and torch side by side."""

import itertools
from html import escape
from typing import Any, NamedTuple

from ...layers.sizes import in_words
from ...layers.source import DERIVED
from ..reading.chapter import Part, is_python
from .held import held_by
from ..reading.markdown import anchor
from .names import Marks, symbols
from .tables import example_table, tables

WAYS = {"Forward": "read downwards", "Backward": "the last step first"}
COLUMNS = "equation", "shape", "NumPy", "PyTorch"
SHORT = 8  # steps of autograd that stand in the open


class Evidence(NamedTuple):
    """What the small example of a chapter made; all empty for a text without code."""

    sizes: dict     # and hyperparameters, by name
    arrays: dict    # what was given, by name
    numbers: dict   # the Numbers of each tag
    autograd: Any   # what it recorded


def page(chapter, links, evidence, picture):
    """Return a chapter as HTML, without the frame of a page.

    links is the book's Links, evidence what ran for the chapter, picture a Figure or None.
    """
    maker = _Maker(chapter, links, evidence)
    body = [f"<h1>{escape(chapter.title)}</h1>"]
    for piece in chapter.pieces:
        if picture and getattr(piece, "kind", "h2") == "h2":  # after the first paragraphs
            body.append(framed(picture))
            picture = None
        if isinstance(piece, Part):
            body += [maker.example(), maker.part(piece)]
        else:
            body.append(maker.block(piece))
    return "\n".join(body)


def framed(picture):
    """Return a Figure with its caption as HTML."""
    return (f'<figure class="picture">{picture.svg}\n<figcaption>'
            f"<strong>{escape(picture.title)}.</strong> "
            f"{escape(picture.text)}</figcaption></figure>")


class _Maker:
    """Makes the parts of one page."""

    def __init__(self, chapter, links, evidence):
        self.stem, self.links, self.evidence = chapter.stem, links, evidence
        self.marks = Marks(symbols(chapter))

    def block(self, block):
        """Return a Block as HTML, its names marked; what the text proves in code is folded."""
        if block.kind == "pre":
            pre = self.pre(block.text.partition("\n")[2].rpartition("```")[0])
            return folded("in code", pre) if is_python(block) and self.stem in DERIVED else pre
        return self.marks.html(block.html)

    def blocks(self, blocks):
        return "\n".join(map(self.block, blocks))

    def pre(self, code):
        return f'<pre tabindex="0"><code>{self.marks.code(code)}</code></pre>'

    def example(self):
        """Return, once, what the example is given whose numbers the page shows."""
        sizes, arrays = self.evidence[:2]
        self.evidence = self.evidence._replace(arrays={})
        if not arrays:
            return ""
        return folded("the example of the numbers", example_table(in_words(sizes), arrays))

    def part(self, part):
        """Return a part: a grid with a row a tag, or plain text where no code stands beside it."""
        way = f" <small>{WAYS[part.title]}</small>" if part.title in WAYS else ""
        head = (f'<h2 class="part" id="{anchor(part.title)}">{escape(part.title)}{way}</h2>\n'
                f"{self.blocks(part.opening)}")
        if self.stem not in DERIVED:
            return "\n".join([head, *map(self.plain, part.equations)])
        cells = [f'<div class="head" aria-hidden="true">{name}</div>' for name in COLUMNS]
        line = 2  # of the grid
        for torch, equations in self.runs(part):
            for place, each in enumerate(equations):
                span = 2 * len(equations) - 1 if place == 0 else 0
                cells.append(self.row(each, line, torch, span, place == len(equations) - 1))
                line += 2
        kind = "backward" if part.backward else "forward"
        return "\n".join([head, f'<div class="rows {kind}">', *cells, "</div>"])

    def plain(self, each):
        """Return an equation without code beside it, in the order of its file."""
        loops = [each.loops] if each.loops else []
        blocks = sorted([*each.told, *loops, *each.derived], key=lambda block: block.line)
        return f"{tag_heading(each.tag)}\n{self.blocks(blocks)}"

    def runs(self, part):
        """Yield the content of each torch cell and the Equations beside it."""
        if part.backward:
            yield self.autograd(), part.equations
            return
        for code, equations in itertools.groupby(part.equations, lambda each: each.torch):
            equations = list(equations)
            if code is None:
                yield from ((self.no_torch(each), [each]) for each in equations)
            else:
                yield self.torch(code, equations), equations

    def torch(self, code, equations):
        """Return torch's lines, and which equations they are."""
        first, last = equations[0].tag, equations[-1].tag
        note = f'<p class="note">{first} to {last} at once.</p>' if first != last else ""
        return self.pre(code.text) + self.lines_of(code) + note

    def no_torch(self, each):
        """Return why there is no line of torch's."""
        found = self.evidence.numbers.get(each.tag, [])
        kept = [f"torch keeps it as {number.expression}" for number in found if number.expression]
        why = [*kept, *(number.why for number in found), "torch makes no such array"][0]
        return f'<p class="note">No line of its own: {escape(why)}.</p>'

    def autograd(self):
        """Return what autograd recorded, and which gradient is which tag."""
        found = self.evidence.autograd
        left = "\n".join(f"{tag:<7}{name}" for name, tag in found.gradients)
        walk = self.pre("\n".join(found.walk))
        if len(found.walk) > SHORT:
            walk = folded(f"all {len(found.walk)} steps of autograd", walk)
        return (f"{self.pre('y.backward(dy)')}"
                '<p class="note">Nothing else to write: autograd recorded the forward, and walks '
                f"back through it, from <code>y.grad_fn</code> on:</p>{walk}"
                f'<p class="note">It leaves, each in its tag:</p>{self.pre(left)}')

    def row(self, each, line, torch, span, last):
        """Return the cells of one tag; torch is that of the cell that begins here, if span is not
        0."""
        cells = [
            f'<div class="equation" style="grid-row:{line}">{tag_heading(each.tag)}\n'
            f"{self.blocks(each.told)}</div>",
            f'<div class="shape" style="grid-row:{line}">{shape_cell(each.numpy.shape)}</div>',
            f'<div class="numpy" style="grid-row:{line}">{label("NumPy")}'
            f"{self.pre(each.numpy.text)}"
            f"{self.lines_of(each.numpy)}</div>"]
        if span:
            cells.append(f'<div class="torch" style="grid-row:{line} / span {span}">'
                         f"<div>{label('PyTorch')}{torch}</div></div>")
        whole = " whole" if last else ""
        cells.append(f'<div class="under{whole}" style="grid-row:{line + 1}">'
                     f"{self.under(each)}</div>")
        return f'<section class="row" aria-label="{each.tag}">{"".join(cells)}</section>'

    def under(self, each):
        """Return what stands below a row: on demand loops and numbers, then the derivation."""
        folds = []
        if each.loops:
            loops = f"{heard(each.tag)}in plain loops"
            folds.append(self.block(each.loops).replace("in code", loops, 1))
        if numbers := self.evidence.numbers.get(each.tag):
            names = ", ".join(dict.fromkeys(number.name for number in numbers))
            words = f"{heard(each.tag)}the numbers: <code>{escape(names)}</code>"
            folds.append(folded(words, tables(numbers)))
        folds.append(f'<p class="held">{held_by(self.stem, each.tag, self.links)}</p>')
        return f'<div class="folds">{"".join(folds)}</div>{self.blocks(each.derived)}'

    def lines_of(self, code):
        """Return the link to lines of a source."""
        path = code.path.as_posix()
        return (f'<p class="lines"><a href="{self.links.to_source(path, code.first)}">'
                f"{path}:{code.first}</a></p>")


def tag_heading(tag):
    """Return the heading of a tag, which is a link to itself."""
    return f'<h3 id="{tag.lower()}"><a href="#{tag.lower()}">{tag}</a></h3>'


def shape_cell(words):
    """Return a shape as the page shows it."""
    short = escape(words.replace("...", "\u2026"))
    return f"{label('shape')}<code>{short}</code>" if words else ""


def label(words):
    """Return the name of a cell: for those who don't see the head of its column."""
    return f'<p class="label">{words}</p>'


def heard(tag):
    """Return a tag for those who hear a summary away from its row."""
    return f'<span class="unseen">{tag} </span>'


def folded(summary, inside):
    """Return what is shown on demand."""
    return f"<details><summary>{summary}</summary>\n{inside}</details>"
