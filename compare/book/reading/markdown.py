"""The Markdown that the derivations use, as HTML. What is beyond it is refused, by file and line.

Places are counted in characters from the start of the page, so that a fault knows its line.
"""

import re
from html import escape
from typing import NamedTuple

from .latex import Unreadable
from .mathml import as_mathml

BLANK = re.compile(r"[ \t]*(?:\n|\Z)")
LINE = re.compile(r".*(?:\n|\Z)")
HEADING = re.compile(r"(#{1,6}) (\S.*)\n")
FENCE = re.compile(r"```(\w*)\n((?:(?!```).*\n)*)```\n")
DISPLAY = re.compile(r"\$\$\n((?:(?!\$\$).+\n)+)\$\$\n")
FOLD = re.compile(r"<details>\n?<summary>(.+)</summary>\n(?=\n)|</details>\n(?=\n|\Z)")
TABLE = re.compile(r"\|.*\|\n\|(?: ?-{3,} ?\|)+\n(?:\|.*\|\n)*")
BULLET, NUMBERED = re.compile(r"- "), re.compile(r"\d+\. ")
WORD = re.compile(r"\s*(\S*)")
INDENT = re.compile(r" +(?=\S)")
START = re.compile(r"#|```|\$\$|- |1\. |\||</?details")  # of a block
STRANGE = re.compile(r"\s|[>+*] |<[a-z/!]|~~~|\d+\) |(?:-+|=+|\*{3,})\s*$")  # of another one
PLAIN = re.compile(r"[^`$*\[\]<&\\!_]+|(?<=\w)_(?=\w)|!(?!\[)|<(?![A-Za-z/!?])|&(?!#?\w+;)")
CODE = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.S)
FORMULA = re.compile(r"\$(?!\s)([^$]+)(?<!\s)\$(?!\d)")
TARGET = re.compile(r"\]\(([^\s()<>]+)\)")


class Block(NamedTuple):
    """A piece of a page, such as a paragraph, and the number of its first line."""

    kind: str  # its element in HTML: h1 to h6, p, pre, math, table, ul, ol, details, /details
    line: int
    text: str  # as it stands in the file
    html: str


def as_html(text, path, link=str):
    """Return a page of Markdown as HTML; link turns the target of a link into an address.

    Raises ValueError, with path and line, for what is unknown, unclosed or beyond the subset, and
    where link raises LookupError.
    """
    return "\n".join(block.html for block in read_blocks(text, path, link))


def read_blocks(text, path, link=str):
    """Return the blocks of a page of Markdown, in order; arguments and errors as in as_html."""
    try:
        return _Page(text if text.endswith("\n") else text + "\n", link).blocks()
    except Unreadable as fault:
        raise ValueError(f"{path}:{_line(text, fault.at)}: {fault}") from None


def anchor(heading):
    """Return the name by which a link finds a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _line(text, at):
    return text.count("\n", 0, at) + 1


class _Page:
    """Reads a page from its first line to its last."""

    def __init__(self, text, link):
        self.text, self.link = text, link
        self.names, self.folds, self.found = {}, [], []

    def blocks(self):
        at = 0
        while at < len(self.text):
            if blank := BLANK.match(self.text, at):
                at = blank.end()
                continue
            kind, html, end = self.block(at)
            self.found.append(Block(kind, _line(self.text, at), self.text[at:end], html))
            at = end
        if self.folds:
            raise Unreadable("</details> is missing; allowed: as a line", self.folds[-1])
        return self.found

    def block(self, at):
        """Return the kind, the HTML and the end of the block that starts at a place."""
        for pattern, read in ((HEADING, self.heading), (FENCE, self.fence), (DISPLAY, self.display),
                              (FOLD, self.fold), (TABLE, self.table)):
            if found := pattern.match(self.text, at):
                return *read(found), found.end()
        if BULLET.match(self.text, at):
            return self.items(at, "ul", BULLET)
        if self.text.startswith("1. ", at):
            return self.items(at, "ol", NUMBERED)
        if START.match(self.text, at) or NUMBERED.match(self.text, at):
            raise Unreadable(f"{self.word(at)} begins no whole block; allowed: a heading, code, "
                             "a formula, a table, a list from 1, or <details> with its summary", at)
        end = self.paragraph(at)
        return "p", f"<p>{self.inline(at, end)}</p>", end

    def word(self, at):
        return WORD.match(self.text, at)[1]

    def paragraph(self, at):
        """Return where the lines of a paragraph end."""
        end = at
        while not BLANK.match(self.text, end) and (end == at or not START.match(self.text, end)):
            line = LINE.match(self.text, end)
            if STRANGE.match(line[0]):
                raise Unreadable(f"the line is {line[0].rstrip()}; allowed: no indented line, "
                                 "quotation, HTML, rule, or bullet * or +", end)
            end = line.end()
        return end

    def heading(self, found):
        kind, name = f"h{len(found[1])}", anchor(found[2])
        count = self.names[name] = self.names.get(name, -1) + 1
        text = self.inline(found.start(2), found.end(2))
        return kind, f'<{kind} id="{name}{f"-{count}" if count else ""}">{text}</{kind}>'

    def fence(self, found):
        mark = f' class="language-{found[1]}"' if found[1] else ""
        return "pre", f"<pre><code{mark}>{escape(found[2])}</code></pre>"

    def display(self, found):
        return "math", self.formula(found, display=True)

    def fold(self, found):
        """Return the start or the end of what a reader unfolds."""
        if found[1] is not None:
            self.folds.append(found.start())
            return "details", f"<details><summary>{self.inline(*found.span(1))}</summary>"
        if not self.folds:
            raise Unreadable("</details> closes nothing; allowed: after <details>", found.start())
        self.folds.pop()
        return "/details", "</details>"

    def table(self, found):
        starts = [line.start() for line in re.finditer("^", found[0][:-1], re.M)]
        head, rule, *rows = [self.cells(found.start() + start) for start in starts]
        for cells in rule, *rows:
            if len(cells) != len(head):
                raise Unreadable(f"the row has {len(cells)} cells; allowed: {len(head)}, as above",
                                 cells[0][0])
        head = self.row(head, "th")
        body = "\n".join(self.row(row, "td") for row in rows)
        return "table", f"<table>\n<thead>{head}</thead>\n<tbody>{body}</tbody>\n</table>"

    def cells(self, at):
        """Return the (start, end) of each cell of the row at a place."""
        bars = [bar.start() for bar in re.finditer(r"\|", LINE.match(self.text, at)[0])]
        return [(at + left + 1, at + right) for left, right in zip(bars, bars[1:])]

    def row(self, cells, kind):
        inside = (self.inline(*cell) for cell in cells)
        return f"<tr>{''.join(f'<{kind}>{text}</{kind}>' for text in inside)}</tr>"

    def items(self, at, kind, mark):
        """Return a list: its items, each with the indented lines that go on with it."""
        if self.found and self.found[-1].kind == kind:
            raise Unreadable("the list follows another; allowed: no blank line between items", at)
        items, end = [], at
        while found := mark.match(self.text, end):
            start = found.end()
            while found:  # the item's own line, then those that are indented
                if START.match(self.text, found.end()) or STRANGE.match(self.text, found.end()):
                    raise Unreadable(f"{self.word(found.end())} begins a block in a list; "
                                     "allowed: text", end)
                end = LINE.match(self.text, end).end()
                found = INDENT.match(self.text, end)
            items.append(f"<li>{self.inline(start, end)}</li>")
        if not BLANK.match(self.text, end):
            raise Unreadable(f"{self.word(end)} follows a list; allowed: a blank line between, "
                             "or an indent", end)
        return kind, f"<{kind}>\n" + "\n".join(items) + f"\n</{kind}>", end

    def inline(self, at, end):
        """Return the text between two places as HTML."""
        if two := re.compile(r"  \n").search(self.text, at, end):
            raise Unreadable("the end of the line is two blanks; allowed: none", two.start())
        return self.until(at, end, ())[0].strip()

    def until(self, at, end, closers):
        """Return the HTML up to the last of the closers, or the end, and where that is."""
        html, start = [], at
        while at < end:
            if plain := PLAIN.match(self.text, at, end):
                html.append(escape(plain[0], quote=False))
                at = plain.end()
            elif closers and self.closes(at, closers[-1]):
                return "".join(html), at
            else:
                piece, at = self.span(at, end, closers)
                html.append(piece)
        if closers:
            raise Unreadable(f"{closers[-1]} is missing; allowed: a pair, in one block", start)
        return "".join(html), end

    def closes(self, at, mark):
        return self.mark(at) == mark and (mark == "]" or not self.text[at - 1].isspace())

    def mark(self, at):
        return "**" if self.text.startswith("**", at) else self.text[at]

    def span(self, at, end, closers):
        """Return the HTML and the end of code, a formula, a link or an emphasis."""
        if code := CODE.match(self.text, at, end):
            return f"<code>{escape(' '.join(code[2].split()), quote=False)}</code>", code.end()
        if formula := FORMULA.match(self.text, at, end):
            return self.formula(formula), formula.end()
        mark = self.mark(at)
        if mark == "[" and "]" not in closers:
            inside, close = self.until(at + 1, end, (*closers, "]"))
            if target := TARGET.match(self.text, close, end):
                return f'<a href="{escape(self.address(target))}">{inside}</a>', target.end()
        if mark in ("*", "**") and mark not in closers and not self.text[at + len(mark)].isspace():
            inside, close = self.until(at + len(mark), end, (*closers, mark))
            kind = "em" if mark == "*" else "strong"
            return f"<{kind}>{inside}</{kind}>", close + len(mark)
        raise Unreadable(f"the text is {self.word(at)}; allowed: `code`, $formulas$, [links](to), "
                         "*emphasis* and **more**, each closed in its block", at)

    def address(self, target):
        try:
            return self.link(target[1])
        except LookupError as fault:
            raise Unreadable(fault.args[0], target.start(1)) from None

    def formula(self, found, display=False):
        try:
            return as_mathml(found[1], display)
        except Unreadable as fault:
            raise Unreadable(str(fault), found.start(1) + fault.at) from None
