"""Formulas as MathML, which a browser sets by itself.

TeX gives each atom a class, and each pair of classes a space. A browser knows the spaces of signs,
relations and commas. The thin ones beside functions, sums and fractions are written here.
"""

from unicodedata import lookup

from .latex import CLOSE, GREEK, INNER, LARGE, OP, OPEN, ORD, read_formula

THIN = {(OP, ORD), (INNER, ORD), (INNER, OPEN),  # which classes have a thin space between them
        *((left, right) for left in (ORD, OP, CLOSE, INNER) for right in (OP, INNER))}
DISPLAY, TEXT, SCRIPT = range(3)


def _tag(name, *children, **attributes):
    marks = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f"<{name}{marks}>{''.join(children)}</{name}>"


def _upright(letter):
    return _tag("mi", letter, mathvariant="normal")


def _large(name):
    """Return an operator that takes limits."""
    return _tag("mo", name, lspace="0", rspace="0", movablelimits="true")


def _space(width):
    return f'<mspace width="{width}"/>'


SYMBOLS = {
    **{f"\\{name}": _tag("mi", chr(0x3B1 + i)) for i, name in enumerate(GREEK)},
    r"\epsilon": _tag("mi", "\u03f5"), r"\phi": _tag("mi", "\u03d5"),
    r"\Delta": _upright("\u0394"), r"\Phi": _upright("\u03a6"),
    r"\ell": _tag("mi", "\u2113"), r"\infty": _tag("mi", "\u221e"),
    r"\partial": _tag("mi", "\u2202"), r"\top": _tag("mi", "\u22a4"),
    r"\ldots": _tag("mi", "\u2026"), r"\cdots": _tag("mi", "\u22ef"),
    r"\sum": _large("\u2211"), r"\max": _large("max"), r"\min": _large("min"),
    **{f"\\{name}": _tag("mi", name) for name in ("log", "cos", "sin", "sinh", "cosh", "tanh")},
    r"\quad": _space("1em")}
SIGNS = {  # what a mo holds, where it is not the sign itself
    "-": "\u2212", r"\pm": "\u00b1", r"\cdot": "\u22c5", "<": "&lt;", ">": "&gt;",
    r"\leq": "\u2264", r"\geq": "\u2265", r"\neq": "\u2260", r"\approx": "\u2248",
    r"\in": "\u2208", r"\to": "\u2192", r"\leftarrow": "\u2190", r"\lbrace": "{", r"\rbrace": "}"}
ACCENTS = {r"\hat": "\u02c6", r"\tilde": "\u02dc"}
ALPHABETS = {r"\mathbb": "DOUBLE-STRUCK", r"\mathcal": "SCRIPT"}
PRIME = _tag("mo", "\u2032", lspace="0", rspace="0")


def as_mathml(latex, display=False):
    """Return a formula as a <math> element.

    Raises Unreadable for what is unknown, unclosed or empty.
    """
    body = "".join(_elements(read_formula(latex), DISPLAY if display else TEXT))
    return _tag("math", body, **({"display": "block"} if display else {}))


def _elements(pieces, style):
    """Return the elements of pieces, with TeX's thin spaces between them."""
    elements, beside = [], None
    for piece in pieces:
        if (beside, piece.kind) in THIN and (style != SCRIPT or OP in (beside, piece.kind)):
            elements.append(_space("0.1667em"))
        elements.append(_element(piece, style))
        beside = piece.kind
    return elements


def _element(piece, style):
    """Return the element of a piece."""
    text, parts = piece.text, piece.parts
    match piece.name:
        case "number":
            return _tag("mn", text)
        case "letter" | "word":
            return _tag("mi", text)
        case "upright":
            return _upright(text)
        case "symbol":
            return SYMBOLS[text]
        case "capital":
            return _tag("mi", _capital(ALPHABETS[text], parts[0].text))
        case "sign_of_one":
            return _tag("mo", SIGNS.get(text, text), form="prefix")
        case "sign":
            return _sign(piece, style)
        case "group":
            return _tag("mrow", *_elements(parts, style))
        case "row":
            elements = _elements(parts, style)
            return elements[0] if len(elements) == 1 else _tag("mrow", *elements)
        case "fraction":
            smaller = min(style + 1, SCRIPT)
            return _tag("mfrac", *(_element(part, smaller) for part in parts))
        case "root":
            return _tag("msqrt", _element(parts[0], style))
        case "accent":
            mark = _tag("mo", ACCENTS[text], stretchy="false")
            return _tag("mover", _element(parts[0], style), mark, accent="true")
        case "brackets":
            left, right = (_tag("mo", SIGNS.get(end.text, end.text), stretchy="true")
                           for end in (parts[0], parts[-1]))
            return _tag("mrow", left, *_elements(parts[1:-1], style), right)
        case "primed":
            return _tag("mrow", _element(parts[0], style), PRIME)
        case "scripts":
            return _scripts(*parts, style)


def _sign(piece, style):
    """Return an operator that is no sign of one number."""
    text = SIGNS.get(piece.text, piece.text)
    if piece.kind in (OPEN, CLOSE):
        return _tag("mo", text, stretchy="false")
    if piece.kind == ORD or style == SCRIPT:
        space = {"lspace": "0", "rspace": "0"} | ({"stretchy": "false"} if text == "|" else {})
        return _tag("mo", text, **space)
    return _tag("mo", text)


def _scripts(base, below, above, style):
    """Return a piece with what stands below and above it."""
    names = ("munder", "mover", "munderover") if base.text in LARGE else ("msub", "msup", "msubsup")
    name = names[2 if below and above else 0 if below else 1]
    scripts = [_element(script, SCRIPT) for script in (below, above) if script]
    return _tag(name, _element(base, style), *scripts)


def _capital(alphabet, letter):
    """Return a capital of an alphabet; some stood in Unicode before the others."""
    try:
        return lookup(f"MATHEMATICAL {alphabet} CAPITAL {letter}")
    except KeyError:
        return lookup(f"{alphabet} CAPITAL {letter}")
