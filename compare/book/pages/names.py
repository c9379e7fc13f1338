"""The names of a chapter, marked in its formulas and its code, so that a page can light them up."""

import re
from html import escape

from ...layers.source import path_of
from ..reading.latex import Unreadable
from ..reading.mathml import as_mathml

INDEX = re.compile(r"[_^](?:\{(?:[^{}]|\{[^{}]*\})*\}|\\[A-Za-z]+|\w)")
STRING = (r"""[rbfRBF]{0,2}(?:(?P<quotes>\"{3}|'{3})(?s:.*?)(?P=quotes)|"""
          r""""(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""")
NAME = r"(?P<name>[A-Za-z_]\w*)(?P<grad>(?=\.grad\b))?"
TOKEN = re.compile(rf"(?P<comment>#.*)|{STRING}|{NAME}|\d\w*|[^#\"'\w]+|[#\"']")
D = '<mi mathvariant="normal">d</mi>'


def symbols(chapter):
    """Return [(MathML without indices, names in the code)] of the symbols of a chapter.

    They are the rows of its table under the heading Symbols: the first cell is a formula, and the
    second holds the name, or several. Raises ValueError, with file and line, where it is not.
    """
    found, inside = [], False
    for block in chapter.blocks:
        if block.kind == "h2":
            inside = block.text.strip("# \n") == "Symbols"
        if inside and block.kind == "table":
            for line, row in enumerate(block.text.splitlines()[2:], block.line + 2):
                formula, code = (cell.strip() for cell in (row + "|").split("|")[1:3])
                place = f"{path_of(chapter.stem, '.md').as_posix()}:{line}"
                found.append((bare(formula, place), re.findall(r"`(\w+)`", code)))
    return found


def bare(formula, place):
    """Return the MathML of a symbol without its indices."""
    if not re.fullmatch(r"\$[^$]+\$", formula):
        raise ValueError(f"{place}: the symbol is {formula or 'empty'}; "
                         "allowed: one formula between dollars")
    try:
        return re.sub(r"^<math>|</math>$", "", as_mathml(INDEX.sub("", formula[1:-1])))
    except Unreadable as fault:
        raise ValueError(f"{place}: {fault}") from None


class Marks:
    """Marks the names of a chapter: each place of one has the attribute data-n with its name."""

    def __init__(self, symbols):
        self.names = {name: names[0] for _, names in symbols for name in names}
        self.symbols = {inner: names[0] for inner, names in symbols if names}
        for inner, names in symbols:  # one letter that is told apart by its indices alone
            if self.symbols.get(inner) not in (names or [None])[:1]:
                self.symbols.pop(inner, None)
        bases = sorted(map(re.escape, self.symbols), key=len, reverse=True)
        self.bases = bases and re.compile(
            rf"({re.escape(D)})?((?:<(?:msub|msup|msubsup)>)?)({'|'.join(bases)})")

    def name(self, word):
        """Return the name that a word of the code stands for, or None: dx is that of dx."""
        if word in self.names:
            return self.names[word]
        if word[:1] == "d" and word[1:] in self.names:
            return f"d{self.names[word[1:]]}"
        return None

    def html(self, text):
        """Return the HTML of prose with the names in its formulas and its code marked."""
        if self.bases:
            text = re.sub(r"<math.*?</math>", lambda math: self.bases.sub(self.marked, math[0]),
                          text, flags=re.S)
        return re.sub(r"<code>(\w+)</code>", self.marked_code, text)

    def marked(self, found):
        prefix, scripts, base = found.groups()
        name = f"{'d' if prefix else ''}{self.symbols[base]}"
        d = D.replace("<mi", f'<mi data-n="{name}"') if prefix else ""
        return d + scripts + re.sub(r"^<(\w+)", rf'<\1 data-n="{name}"', base)

    def marked_code(self, found):
        name = self.name(found[1])
        return f'<code data-n="{name}">{found[1]}</code>' if name else found[0]

    def code(self, text):
        """Return the HTML of Python: comments dimmed, names marked."""
        def piece(found):
            comment, word = found["comment"], found["name"]
            if comment:
                return f"<i>{escape(comment, quote=False)}</i>"
            if word and (name := self.name(word)):
                gradient = "d" if found["grad"] is not None else ""  # x.grad is dx
                return f'<span data-n="{gradient}{name}">{word}</span>'
            return escape(found[0], quote=False)
        return TOKEN.sub(piece, text)
