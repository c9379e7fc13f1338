"""Formulas: the LaTeX that the derivations use, as MathML, which a browser sets by itself.

TeX gives each atom a class, and each pair of classes a space. A browser knows the spaces of signs,
relations and commas. The thin ones beside functions, sums and fractions are written here.
"""

import re
from typing import NamedTuple
from unicodedata import lookup

ORD, OP, BIN, REL, OPEN, CLOSE, PUNCT, INNER, SPACE = (
    "ord", "op", "bin", "rel", "open", "close", "punct", "inner", "space")
THIN = {(OP, ORD), (INNER, ORD), (INNER, OPEN),  # which classes have a thin space between them
        *((left, right) for left in (ORD, OP, CLOSE, INNER) for right in (OP, INNER))}
BEFORE_A_SIGN = {OP, BIN, REL, OPEN, PUNCT}  # after these, + and - are signs of one number
DISPLAY, TEXT, SCRIPT = range(3)
DEEPEST = 40  # groups in groups: far more than one can read, far less than Python's stack holds


class Unreadable(ValueError):
    """Why a text can't be read, in a sentence, and at which character of it."""

    def __init__(self, why, at):
        super().__init__(why)
        self.at = at


class Atom(NamedTuple):
    """A piece of a formula, and TeX's class of it."""

    kind: str
    xml: str
    limits: bool = False  # its scripts stand below and above it in a display


def _tag(name, *children, **attributes):
    marks = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f"<{name}{marks}>{''.join(children)}</{name}>"


def _row(elements):
    return elements[0] if len(elements) == 1 else _tag("mrow", *elements)


def _upright(letter):
    return Atom(ORD, _tag("mi", letter, mathvariant="normal"))


def _large(name):
    """Return an operator that takes limits."""
    return Atom(OP, _tag("mo", name, lspace="0", rspace="0", movablelimits="true"), limits=True)


def _space(width):
    return f'<mspace width="{width}"/>'


GREEK = ("alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu nu xi omicron pi "
         "rho varsigma sigma tau upsilon varphi chi psi omega").split()  # in Unicode's order
SYMBOLS = {
    **{f"\\{name}": Atom(ORD, _tag("mi", chr(0x3B1 + i))) for i, name in enumerate(GREEK)},
    r"\epsilon": Atom(ORD, _tag("mi", "\u03f5")), r"\phi": Atom(ORD, _tag("mi", "\u03d5")),
    r"\Delta": _upright("\u0394"), r"\Phi": _upright("\u03a6"),
    r"\ell": Atom(ORD, _tag("mi", "\u2113")), r"\infty": Atom(ORD, _tag("mi", "\u221e")),
    r"\partial": Atom(ORD, _tag("mi", "\u2202")), r"\top": Atom(ORD, _tag("mi", "\u22a4")),
    r"\ldots": Atom(INNER, _tag("mi", "\u2026")), r"\cdots": Atom(INNER, _tag("mi", "\u22ef")),
    r"\sum": _large("\u2211"), r"\max": _large("max"), r"\min": _large("min"),
    **{f"\\{name}": Atom(OP, _tag("mi", name)) for name in ("log", "cos", "sinh", "cosh", "tanh")},
    r"\quad": Atom(SPACE, _space("1em")),
}
SIGNS = {  # what a mo holds, and its class
    "+": ("+", BIN), "-": ("\u2212", BIN), r"\pm": ("\u00b1", BIN), r"\cdot": ("\u22c5", BIN),
    "=": ("=", REL), "<": ("&lt;", REL), ">": ("&gt;", REL), r"\leq": ("\u2264", REL),
    r"\geq": ("\u2265", REL), r"\neq": ("\u2260", REL), r"\approx": ("\u2248", REL),
    r"\in": ("\u2208", REL), r"\to": ("\u2192", REL), r"\leftarrow": ("\u2190", REL),
    ",": (",", PUNCT), "/": ("/", ORD), "|": ("|", ORD),
    "(": ("(", OPEN), "[": ("[", OPEN), r"\lbrace": ("{", OPEN),
    ")": (")", CLOSE), "]": ("]", CLOSE), r"\rbrace": ("}", CLOSE)}
ACCENTS = {r"\hat": "\u02c6", r"\bar": "\u203e", r"\tilde": "\u02dc"}
ALPHABETS = {r"\mathbb": "DOUBLE-STRUCK", r"\mathcal": "SCRIPT"}
BUILDERS = {r"\frac", r"\sqrt", r"\left", r"\mathrm", *ACCENTS, *ALPHABETS}
PRIME = _tag("mo", "\u2032", lspace="0", rspace="0")
COMMANDS = sorted([name for name in {*SYMBOLS, *SIGNS, *BUILDERS} if name[0] == "\\"] + [r"\right"])
TOKEN = re.compile(r"\s*(\\[A-Za-z]+|\\\S|\S|\Z)")
NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")


def as_mathml(latex, display=False):
    """Return a formula as a <math> element.

    Raises Unreadable for what is unknown, unclosed or empty.
    """
    if not latex.strip():
        raise Unreadable("the formula is empty; allowed: LaTeX between its dollars", 0)
    body = "".join(_Reader(latex).row(DISPLAY if display else TEXT, ""))
    return _tag("math", body, **({"display": "block"} if display else {}))


class _Reader:
    """Reads a formula from left to right."""

    def __init__(self, latex):
        self.latex, self.at, self.depth = latex, 0, 0

    def peek(self):
        return TOKEN.match(self.latex, self.at)[1]

    def take(self):
        """Return the next token, after any blanks, and where it begins."""
        found = TOKEN.match(self.latex, self.at)
        self.at = found.end()
        return found[1], found.start(1)

    def row(self, style, end, start=0):
        """Return the elements up to a token, which is taken, with TeX's thin spaces."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise Unreadable(f"the group is {self.depth} deep; allowed: at most {DEEPEST}", start)
        elements, last, beside = [], None, None  # last skips spaces, as TeX's rule of signs does
        while (token := self.peek()) != end:
            if token == "":
                raise Unreadable(f"{end} is missing; allowed: a {end} for each that opens", start)
            if token in ("}", r"\right"):
                raise Unreadable(f"{token} closes nothing; allowed: after {{ or \\left", self.at)
            atom = self.scripted(style, last)
            if (beside, atom.kind) in THIN and (style != SCRIPT or OP in (beside, atom.kind)):
                elements.append(_space("0.1667em"))
            elements.append(atom.xml)
            beside = atom.kind
            last = last if atom.kind == SPACE else atom.kind
        self.take()
        self.depth -= 1
        return elements

    def scripted(self, style, last):
        """Return the next atom with its primes, its subscript and its superscript."""
        base, below, above = self.atom(style, last), [], []
        while (mark := self.peek()) in ("_", "^", "'"):
            at = self.take()[1]
            if mark == "'" and not above:  # a prime is a small raised glyph in itself
                base = base._replace(xml=_tag("mrow", base.xml, PRIME))
                continue
            place = below if mark == "_" else above
            if place:
                raise Unreadable(f"{mark} is the second of one letter; allowed: one, or braces", at)
            place.append(self.argument(SCRIPT, mark))
        if not below and not above:
            return base
        names = ("munder", "mover", "munderover") if base.limits else ("msub", "msup", "msubsup")
        name = names[2 if below and above else 0 if below else 1]
        return base._replace(xml=_tag(name, base.xml, *below, *above))

    def atom(self, style, last):
        """Return the next atom without its scripts; last is the class of the one before."""
        if number := NUMBER.match(self.latex, TOKEN.match(self.latex, self.at).start(1)):
            self.at = number.end()
            return Atom(ORD, _tag("mn", number[0]))
        token, at = self.take()
        if token in SYMBOLS:
            return SYMBOLS[token]
        if token in SIGNS:
            return _sign(*SIGNS[token], style, last)
        if token in BUILDERS:
            return self.built(token, at, style)
        if token == "{":
            return Atom(ORD, _tag("mrow", *self.row(style, "}", at)))
        if re.fullmatch("[A-Za-z]", token):
            return Atom(ORD, _tag("mi", token))
        if token in ("_", "^", "'"):
            raise Unreadable(f"{token} has nothing before it; allowed: after its letter", at)
        if token[0] == "\\":
            raise Unreadable(f"the command is {token}; allowed: {' '.join(COMMANDS)}", at)
        raise Unreadable(f"the character is {token!a}; allowed: letters a to z and A to Z, digits, "
                         "+ - = < > / | , ' _ ^ and brackets", at)

    def built(self, command, at, style):
        """Return the atom of a command that takes arguments."""
        if command == r"\frac":
            smaller = min(style + 1, SCRIPT)
            parts = [self.argument(smaller, command) for _ in range(2)]
            return Atom(INNER, _tag("mfrac", *parts))
        if command == r"\left":
            left, inside = self.bracket(command), self.row(style, r"\right", at)
            return Atom(INNER, _tag("mrow", left, *inside, self.bracket(r"\right")))
        if command == r"\mathrm":
            return self.word(command)
        if command in ALPHABETS:
            letter = self.letters(command, "[A-Z]")
            return Atom(ORD, _tag("mi", _capital(ALPHABETS[command], letter)))
        if command == r"\sqrt" and self.peek() == "[":
            raise Unreadable(r"\sqrt has an index; allowed: square roots", at)
        inside = self.argument(style, command)
        if command == r"\sqrt":
            return Atom(ORD, _tag("msqrt", inside))
        mark = _tag("mo", ACCENTS[command], stretchy="false")
        return Atom(ORD, _tag("mover", inside, mark, accent="true"))

    def argument(self, style, command):
        """Return what a command or a script takes: a group, or one letter, digit or symbol."""
        token, at = self.peek(), self.at
        if token in ("", "}", "_", "^", "'", r"\right", r"\quad", *BUILDERS):
            raise Unreadable(f"after {command} is {token or 'the end'}; allowed: a letter, "
                             "a digit, a symbol or a group in braces", at)
        if token == "{":
            return _row(self.row(style, "}", self.take()[1]))
        if re.fullmatch("[0-9]", token):  # one digit, as in TeX: 10^12 is 10^1 2
            return _tag("mn", self.take()[0])
        return self.atom(style, None).xml

    def letters(self, command, pattern):
        """Return the letters in the braces after a command."""
        found = re.compile(r"\s*\{(%s)\}" % pattern).match(self.latex, self.at)
        if not found:
            raise Unreadable(f"after {command} is another text; allowed: {{{pattern}}}", self.at)
        self.at = found.end()
        return found[1]

    def word(self, command):
        """Return an upright letter, or a word, which is set as a function is."""
        word = self.letters(command, "[A-Za-z]+")
        return _upright(word) if len(word) == 1 else Atom(OP, _tag("mi", word))

    def bracket(self, command):
        """Return the bracket after \\left or \\right, which grows with what is inside."""
        token, at = self.take()
        text, found = SIGNS.get(token, ("", ""))
        if found not in (OPEN, CLOSE) and token != "|":
            raise Unreadable(f"after {command} is {token or 'the end'}; allowed: a bracket", at)
        return _tag("mo", text, stretchy="true")


def _sign(text, kind, style, last):
    """Return an operator: a sign of one number after nothing or another operator, else between."""
    if kind in (OPEN, CLOSE):
        return Atom(kind, _tag("mo", text, stretchy="false"))
    if kind == BIN and (last is None or last in BEFORE_A_SIGN):
        return Atom(ORD, _tag("mo", text, form="prefix"))
    if kind == ORD or style == SCRIPT:
        space = {"lspace": "0", "rspace": "0"} | ({"stretchy": "false"} if text == "|" else {})
        return Atom(kind, _tag("mo", text, **space))
    return Atom(kind, _tag("mo", text))


def _capital(alphabet, letter):
    """Return a capital of an alphabet; some stood in Unicode before the others."""
    try:
        return lookup(f"MATHEMATICAL {alphabet} CAPITAL {letter}")
    except KeyError:
        return lookup(f"{alphabet} CAPITAL {letter}")
