"""Formulas: the LaTeX that the derivations use, read into a tree. What is beyond it is refused."""

import re
from typing import NamedTuple

ORD, OP, BIN, REL, OPEN, CLOSE, PUNCT, INNER, SPACE = (
    "ord", "op", "bin", "rel", "open", "close", "punct", "inner", "space")  # TeX's classes
BEFORE_A_SIGN = {OP, BIN, REL, OPEN, PUNCT}  # after these, + and - are signs of one number
DEEPEST = 40  # groups in groups: far more than one can read, far less than Python's stack holds

GREEK = ("alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu nu xi omicron pi "
         "rho varsigma sigma tau upsilon varphi chi psi omega").split()  # in Unicode's order
LARGE = {r"\sum", r"\max", r"\min"}  # their scripts stand below and above them in a display
SYMBOLS = {  # and the class of each
    **{f"\\{name}": ORD for name in GREEK},
    **dict.fromkeys([r"\epsilon", r"\phi", r"\Delta", r"\Phi", r"\ell", r"\infty", r"\partial",
                     r"\top"], ORD),
    **dict.fromkeys([*LARGE, r"\log", r"\cos", r"\sin", r"\sinh", r"\cosh", r"\tanh"], OP),
    r"\ldots": INNER, r"\cdots": INNER, r"\quad": SPACE}
SIGNS = {
    "+": BIN, "-": BIN, r"\pm": BIN, r"\cdot": BIN, "=": REL, "<": REL, ">": REL, r"\leq": REL,
    r"\geq": REL, r"\neq": REL, r"\approx": REL, r"\in": REL, r"\to": REL, r"\leftarrow": REL,
    ",": PUNCT, "/": ORD, "|": ORD, "(": OPEN, "[": OPEN, r"\lbrace": OPEN, ")": CLOSE, "]": CLOSE,
    r"\rbrace": CLOSE}
ACCENTS = {r"\hat", r"\tilde"}
ALPHABETS = {r"\mathbb", r"\mathcal"}
BUILDERS = {r"\frac", r"\sqrt", r"\left", r"\mathrm", *ACCENTS, *ALPHABETS}
COMMANDS = sorted([name for name in {*SYMBOLS, *SIGNS, *BUILDERS} if name[0] == "\\"] + [r"\right"])
TOKEN = re.compile(r"\s*(\\[A-Za-z]+|\\\S|\S|\Z)")
NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")


class Unreadable(ValueError):
    """Why a text can't be read, in a sentence, and at which character of it."""

    def __init__(self, why, at):
        super().__init__(why)
        self.at = at


class Piece(NamedTuple):
    """A piece of a formula, such as a letter, or a fraction with its parts."""

    name: str           # of its form: a method of what sets it
    text: str = ""      # as it is in the LaTeX, such as "x" or "\\alpha"
    parts: tuple = ()   # Pieces; in a pair of scripts None for the one that is not there
    kind: str = ORD     # its class
    apart: bool = False  # whether a blank stands before it


def read_formula(latex):
    """Return the Pieces of a formula.

    Raises Unreadable for what is unknown, unclosed or empty.
    """
    if not latex.strip():
        raise Unreadable("the formula is empty; allowed: LaTeX between its dollars", 0)
    return _Reader(latex).row("")


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

    def row(self, end, start=0):
        """Return the pieces up to a token, which is taken."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise Unreadable(f"the group is {self.depth} deep; allowed: at most {DEEPEST}", start)
        pieces, last = [], None  # last skips spaces, as TeX's rule of signs does
        while (token := self.peek()) != end:
            if token == "":
                raise Unreadable(f"{end} is missing; allowed: a {end} for each that opens", start)
            if token in ("}", r"\right"):
                raise Unreadable(f"{token} closes nothing; allowed: after {{ or \\left", self.at)
            apart = TOKEN.match(self.latex, self.at).start(1) > self.at
            pieces.append(self.scripted(last)._replace(apart=apart))
            last = last if pieces[-1].kind == SPACE else pieces[-1].kind
        self.take()
        self.depth -= 1
        return tuple(pieces)

    def scripted(self, last):
        """Return the next atom with its primes, its subscript and its superscript."""
        base, scripts = self.atom(last), {"_": None, "^": None}
        while (mark := self.peek()) in ("_", "^", "'"):
            at = self.take()[1]
            if mark == "'" and not scripts["^"]:  # a prime is a small raised glyph in itself
                base = Piece("primed", base.text, (base,), base.kind)
            elif mark == "'" or scripts[mark]:
                raise Unreadable(f"{mark} is the second of one letter; allowed: one, or braces", at)
            else:
                scripts[mark] = self.argument(mark)
        if not any(scripts.values()):
            return base
        return Piece("scripts", "", (base, *scripts.values()), base.kind)

    def atom(self, last):
        """Return the next atom without its scripts; last is the class of the one before."""
        if number := NUMBER.match(self.latex, TOKEN.match(self.latex, self.at).start(1)):
            self.at = number.end()
            return Piece("number", number[0])
        token, at = self.take()
        if token in SYMBOLS:
            return Piece("symbol", token, kind=SYMBOLS[token])
        if token in SIGNS:
            one = SIGNS[token] == BIN and (last is None or last in BEFORE_A_SIGN)
            return Piece("sign_of_one", token) if one else Piece("sign", token, kind=SIGNS[token])
        if token in BUILDERS:
            return self.built(token, at)
        if token == "{":
            return Piece("group", parts=self.row("}", at))
        if re.fullmatch("[A-Za-z]", token):
            return Piece("letter", token)
        if token in ("_", "^", "'"):
            raise Unreadable(f"{token} has nothing before it; allowed: after its letter", at)
        if token[0] == "\\":
            raise Unreadable(f"the command is {token}; allowed: {' '.join(COMMANDS)}", at)
        raise Unreadable(f"the character is {token!a}; allowed: letters a to z and A to Z, digits, "
                         "+ - = < > / | , ' _ ^ and brackets", at)

    def built(self, command, at):
        """Return the atom of a command that takes arguments."""
        if command == r"\frac":
            parts = self.argument(command), self.argument(command)
            return Piece("fraction", command, parts, INNER)
        if command == r"\left":
            left, inside = self.bracket(command), self.row(r"\right", at)
            return Piece("brackets", command, (left, *inside, self.bracket(r"\right")), INNER)
        if command == r"\mathrm":
            word = self.letters(command, "[A-Za-z]+")
            return Piece("upright", word) if len(word) == 1 else Piece("word", word, kind=OP)
        if command in ALPHABETS:
            return Piece("capital", command, (Piece("letter", self.letters(command, "[A-Z]")),))
        if command == r"\sqrt" and self.peek() == "[":
            raise Unreadable(r"\sqrt has an index; allowed: square roots", at)
        name = "root" if command == r"\sqrt" else "accent"
        return Piece(name, command, (self.argument(command),))

    def argument(self, command):
        """Return what a command or a script takes: a row, or one letter, digit or symbol."""
        token, at = self.peek(), self.at
        if token in ("", "}", "_", "^", "'", r"\right", r"\quad", *BUILDERS):
            raise Unreadable(f"after {command} is {token or 'the end'}; allowed: a letter, "
                             "a digit, a symbol or a group in braces", at)
        if token == "{":
            return Piece("row", parts=self.row("}", self.take()[1]))
        if re.fullmatch("[0-9]", token):  # one digit, as in TeX: 10^12 is 10^1 2
            return Piece("row", parts=(Piece("number", self.take()[0]),))
        return Piece("row", parts=(self.atom(None),))

    def letters(self, command, pattern):
        """Return the letters in the braces after a command."""
        found = re.compile(r"\s*\{(%s)\}" % pattern).match(self.latex, self.at)
        if not found:
            raise Unreadable(f"after {command} is another text; allowed: {{{pattern}}}", self.at)
        self.at = found.end()
        return found[1]

    def bracket(self, command):
        """Return the bracket after \\left or \\right, which grows with what is inside."""
        token, at = self.take()
        if SIGNS.get(token) not in (OPEN, CLOSE) and token != "|":
            raise Unreadable(f"after {command} is {token or 'the end'}; allowed: a bracket", at)
        return Piece("sign", token, kind=SIGNS[token])
