"""Formulas and sentences in plain characters, as one writes them in an e-mail."""

import re
from itertools import takewhile

from .latex import BIN, CLOSE, LARGE, OP, OPEN, PUNCT, REL, SPACE, Piece, read_formula
from .markdown import CODE, FORMULA, TARGET

NAMES = {  # what is written otherwise than by its name in LaTeX, such as alpha
    r"\epsilon": "eps", r"\varepsilon": "epsilon", r"\infty": "infinity", r"\top": "T",
    r"\ldots": "...", r"\cdots": "...", r"\pm": "+-", r"\cdot": "*", r"\leq": "<=",
    r"\geq": ">=", r"\neq": "!=", r"\approx": "~", r"\to": "->", r"\leftarrow": "<-",
    r"\lbrace": "{", r"\rbrace": "}"}
BETWEEN_FACTORS = {r"\cdot", "/"}
TERMS, PRODUCT, FACTOR = range(3)  # what a row is, from loose to tight
INLINE = re.compile("|".join([CODE.pattern, FORMULA.pattern, TARGET.pattern, r"\[", r"\*+"]), re.S)
BREAKS = (  # after what to fold a line, and in how many brackets, best first
    (",(?=  )", 0), ("(?= (?:=|<-|->|~) )", 0), ("(?= [+-] )", 0), ("(?= [(])", 0),
    ("(?= [+-] )", 99), ("(?= )", 99))


def as_plain(latex):
    """Return a formula as a line of ASCII, such as "x-hat[n,c] = z[n,c] r[n]".

    Raises Unreadable for what is unknown, unclosed or empty.
    """
    return _row(read_formula(latex))


def plain_text(markdown):
    """Return a text of a derivation without the marks of emphasis and links, its formulas plain."""
    def plain(found):
        if found[1]:  # code
            return found[0]
        return as_plain(found[3]) if found[3] else ""
    return INLINE.sub(plain, markdown)


def fold_formula(text, width):
    """Return a plain formula in lines of a width: what goes on with an equation is indented."""
    lines, indent = [], ""
    while len(indent + text) > width and " " in text:
        end = _break(text, width - len(indent))
        lines.append(indent + text[:end].rstrip())
        indent = "" if text[end - 1] == "," else "    "
        text = text[end:].lstrip()
    return [*lines, indent + text]


def _break(text, width):
    """Return where to break a line: outside of brackets if it can be, and not too early."""
    depth = [0]
    for letter in text:
        depth.append(depth[-1] + (letter in "([{") - (letter in ")]}"))
    for pattern, deepest in BREAKS:
        places = [found.end() for found in re.finditer(pattern, text)]
        fit = [at for at in places if width / 3 <= at <= width and depth[at] <= deepest]
        if fit:
            return fit[-1]
    return text.index(" ")


def _row(pieces, tight=False):
    """Return pieces in a line; tight without blanks around signs, as in an index."""
    line, factors = "", []
    for piece in _nested(pieces):
        if not _parts_terms(piece):
            factors.append(piece)
            continue
        line += _side_by_side(factors, tight, closed=piece.kind == BIN)
        line, factors = line + _separator(piece, line, tight), []
    return (line + _side_by_side(factors, tight)).strip()


def _parts_terms(piece):
    return piece.kind in (BIN, REL, PUNCT, SPACE) and piece.text not in BETWEEN_FACTORS


def _separator(piece, line, tight):
    """Return what stands between the terms of a line and those that follow."""
    if piece.kind == SPACE:
        return " " if line.endswith(", ") or not line.endswith(" ") else ""
    if piece.kind == PUNCT:
        return "," if tight else ", "
    return _name(piece) if tight and piece.kind == BIN else f" {_name(piece)} "


def _name(piece):
    return NAMES.get(piece.text, piece.text.removeprefix("\\"))


def _nested(pieces):
    """Return pieces with each pair of brackets, and what is in it, as one."""
    rows = [[]]
    for piece in pieces:
        core, opened = _core(piece), rows[-1][0].text if rows[1:] else ""
        if opened and (core.kind == CLOSE or core.text == opened == "|"):
            inside = rows.pop()
            pair = Piece("brackets", "(", (*inside, core), apart=inside[0].apart)
            rows[-1].append(_with_core(piece, pair))
        elif core.kind == OPEN or core.text == "|":
            rows.append([piece])
        else:
            rows[-1].append(piece)
    return [piece for row in rows for piece in row]


def _core(piece):
    """Return a piece without its scripts and primes."""
    return _core(piece.parts[0]) if piece.name in ("scripts", "primed") else piece


def _with_core(piece, core):
    """Return a piece with its scripts and primes at another core."""
    if piece.name not in ("scripts", "primed"):
        return core
    parts = _with_core(piece.parts[0], core), *piece.parts[1:]
    return piece._replace(parts=parts, kind=core.kind, apart=core.apart)


def _side_by_side(factors, tight, closed=False):
    """Return factors side by side; closed puts a sum, which reaches to the end, in brackets."""
    text = ""
    for place, piece in enumerate(factors):
        text += _gap(factors[place - 1], piece, tight) if place else ""
        if _core(piece).text == r"\sum" or _limits(piece):
            found = _sum(factors[place:], tight)
            return text + (f"({found})" if closed else found)
        found = _text(piece, tight)
        text += found if piece.name != "fraction" or _stands_bare(factors, place) else f"({found})"
    return text


def _sum(factors, tight):
    """Return a sum or a maximum, with the factors it is of; sums of sums are one."""
    sums = [*takewhile(lambda factor: _core(factor).text == r"\sum", factors)] or factors[:1]
    over = ", ".join(filter(None, map(_limits, sums)))
    over = f" over {over}" if over else ""
    return f"{_name(_core(sums[0]))}{over} of {_side_by_side(factors[len(sums):], tight)}"


def _limits(piece):
    """Return over what a sum or a maximum goes, such as "s from 1 to t", or an empty string."""
    if piece.name != "scripts" or _core(piece).text not in LARGE:
        return ""
    _, below, above = piece.parts
    below = _over(below.parts, above) if below else ""
    return below + (f" to {_row(above.parts, tight=True)}" if above else "")


def _over(pieces, above):
    """Return what is below a sum; letters beside each other are several indices."""
    if all(piece.name == "letter" for piece in pieces):
        return ", ".join(piece.text for piece in pieces)
    return _row(pieces).replace(" = ", " from ", bool(above))


def _stands_bare(factors, place):
    """Whether a fraction needs no brackets: alone, or last and as wide as not to be misread."""
    if len(factors) == 1 + (factors[0].name == "sign_of_one"):
        return True
    above, below = factors[place].parts
    before, first = factors[place - 1], above.parts[:1]
    return (place == len(factors) - 1 and before.kind != OP and before.text != "/"
            and not any(piece.text in (r"\partial", "+", "-") for piece in first)
            and not _is_short(above, below))


def _is_short(*rows):
    """Whether a fraction has one letter or number above and one below."""
    return all(len(row.parts) == 1 and row.parts[0].name in ("letter", "number") for row in rows)


def _gap(left, right, tight):
    """Return what stands between two factors: where its author left no blank, that may be none."""
    if left.name in ("upright", "sign_of_one"):
        return ""
    if tight and {left.text, right.text} & BETWEEN_FACTORS:
        return ""
    core = _core(right)
    if core.name == "brackets" and (left.kind == OP or left.name == "capital"):
        return ""
    if core.text == "(" and not right.apart and _core(left).name != "brackets":
        return ""
    letters = left.name in ("letter", "number", "primed") and core.name == "letter"
    return "" if letters and not right.apart else " "


def _text(piece, tight):
    """Return a piece in plain characters."""
    parts = piece.parts
    match piece.name:
        case "group" | "row":
            return _row(parts, tight)
        case "capital":
            return parts[0].text
        case "fraction":
            slash = "/" if tight or _is_short(*parts) else " / "
            return _operand(parts[0], PRODUCT, tight) + slash + _operand(parts[1], FACTOR, tight)
        case "root":
            return f"sqrt({_row(parts[0].parts, tight)})"
        case "accent":
            return f"{_operand(parts[0], FACTOR, tight)}-{_name(piece)}"
        case "brackets":
            return _text(parts[0], tight) + _row(parts[1:-1], tight) + _name(parts[-1])
        case "primed":
            return f"{_operand(parts[0], FACTOR, tight)}'"
        case "scripts":
            return _indexed(*parts, tight)
    return _name(piece)


def _operand(piece, least, tight):
    """Return what a fraction or a script applies to, in brackets where it is looser than least."""
    text = _text(piece, tight)
    return text if _tightness(piece) >= least else f"({text})"


def _tightness(piece):
    """Return what a piece is: TERMS, a PRODUCT or a FACTOR."""
    if piece.name not in ("row", "group"):
        return TERMS if piece.name == "fraction" else FACTOR
    pieces = _nested(piece.parts)
    if any(map(_is_loose, pieces)):
        return TERMS
    factors = [part for part in pieces if part.name != "upright" and part.text != r"\partial"]
    if len(factors) == 2 and factors[0].kind == OP and _core(factors[1]).name == "brackets":
        return FACTOR
    return _tightness(factors[0]) if len(factors) == 1 else PRODUCT


def _is_loose(piece):
    """Whether what a piece stands in needs brackets as a factor or as part of a fraction."""
    return (_parts_terms(piece) or piece.name == "fraction" or piece.text == "/"
            or _core(piece).text == r"\sum" or bool(_limits(piece)))


def _indexed(base, below, above, tight):
    """Return a piece with its index in square brackets and its power behind a ^."""
    if base.text == "e" and above and not below:
        return f"exp({_row(above.parts)})"
    text, index = _operand(base, FACTOR, tight), ""
    if below:
        index = f"_{_name(below.parts[0])}" if _is_name(below) else f"[{_indices(below.parts)}]"
    if not above:
        return text + index
    power = _row(above.parts, tight=True)
    if _is_name(above) and above.parts[0].name != "number":
        return f"{text}_{power}{index}"
    one = _tightness(above) == FACTOR and "^" not in power
    signed = len(above.parts) == 2 and above.parts[0].name == "sign_of_one" and power[1:].isalnum()
    text = f"({text})" if base.name == "group" and "^" in text else text
    return f"{text}{index}^{power}" if one or signed else f"{text}{index}^({power})"


def _is_name(row):
    """Whether a script is a word or a number, and so a part of the name: beta_1, eta_min."""
    return len(row.parts) == 1 and (row.parts[0].name in ("word", "number")
                                    or row.parts[0].kind == OP)


def _indices(pieces):
    """Return indices with commas between them; letters beside each other are several."""
    found, index = [], []
    for piece in _nested(pieces):
        if piece.kind == PUNCT:
            found, index = [*found, *_split(index)], []
        else:
            index.append(piece)
    return ",".join([*found, *_split(index)])


def _split(pieces):
    """Return the indices that stand beside each other, or the one that pieces compute."""
    if any(_parts_terms(piece) or piece.text in BETWEEN_FACTORS for piece in pieces):
        return [_row(pieces, tight=True)]
    found, last = [], None
    for piece in pieces:
        text = _text(piece, tight=True)
        if last and (last.name in ("number", "upright") or piece.text == "(" and not piece.apart):
            found[-1] += text
        else:
            found.append(text[1:-1] if piece.text == "(" else text)
        last = piece
    return found
