"""Formulas to try: those of the derivations, and pieces to draw others of."""

import re

from compare.book.reading.latex import COMMANDS
from compare.layers.source import HOUSE

FENCE = re.compile(r"^```.*?^```$", re.S | re.M)
DISPLAY = re.compile(r"^\$\$\n(.*?)^\$\$$", re.S | re.M)
CODE, FORMULA = re.compile(r"`[^`]+`"), re.compile(r"\$([^$]+)\$")


def formulas():
    """Return (LaTeX, whether it is a display) of every formula of every derivation."""
    found = []
    for path in sorted((HOUSE / "reference").rglob("*.md")):
        text = FENCE.sub("", path.read_text(encoding="utf-8"))
        found += [(latex, True) for latex in DISPLAY.findall(text)]
        text = CODE.sub("", DISPLAY.sub("", text))
        found += [(latex, False) for latex in FORMULA.findall(text)]
    return found


FORMULAS = formulas()
PIECES = [*COMMANDS, *"ax12{}{}{}()_^'+-<,", " ", r"\left(", r"\right)",
          r"\frac{a}{", r"\mathrm{d}", "_{"]
