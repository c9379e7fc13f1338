"""Formulas: what a browser is told at each trap of converters, and what is refused."""

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, strategies as st

from compare.book.reading.latex import COMMANDS, DEEPEST, GREEK, Unreadable
from compare.book.reading.mathml import as_mathml
from formulas import FORMULAS, PIECES

THIN, QUAD = '<mspace width="0.1667em"/>', '<mspace width="1em"/>'
A, I, X, Y = (f"<mi>{letter}</mi>" for letter in "aixy")
ONE, TWO = "<mn>1</mn>", "<mn>2</mn>"
D = '<mi mathvariant="normal">d</mi>'
MINUS, SIGN, EQUALS = "<mo>\u2212</mo>", '<mo form="prefix">\u2212</mo>', "<mo>=</mo>"
LEFT, RIGHT = '<mo stretchy="false">(</mo>', '<mo stretchy="false">)</mo>'
TALL_LEFT, TALL_RIGHT = '<mo stretchy="true">(</mo>', '<mo stretchy="true">)</mo>'
SUM = '<mo lspace="0" rspace="0" movablelimits="true">\u2211</mo>'
BAR = '<mo lspace="0" rspace="0" stretchy="false">|</mo>'
MAX = SUM.replace("\u2211", "max")


def tight(text):
    return f'<mo lspace="0" rspace="0">{text}</mo>'


PRIME, LESS = tight("\u2032"), tight("\u2212")


def accent(letter, mark):
    return f'<mover accent="true">{letter}<mo stretchy="false">{mark}</mo></mover>'


def over(above, below):
    return f"<mfrac>{above}{below}</mfrac>"


def inside(latex, display=False):
    """Return what is in the <math> element of a formula."""
    return as_mathml(latex, display).partition(">")[2].removesuffix("</math>")


NESTED = st.recursive(st.sampled_from(["x", "-1", r"\sum_i a", "f'"]), lambda part: st.one_of(
    st.tuples(part, part).map(lambda two: r"\frac{%s}{%s}" % two),
    st.tuples(part, part).map(lambda two: "{%s}_{%s}" % two),
    st.tuples(part, part).map(lambda two: "%s + %s" % two),
    part.map(r"\left( {} \right)".format), part.map(r"\sqrt{{{}}}".format)))
ELEMENTS = {"math", "mrow", "mi", "mn", "mo", "mspace", "mfrac", "msqrt", "mover", "munder",
            "munderover", "msub", "msup", "msubsup"}
CASES = {
    "an upright d": (r"\mathrm{d}x_i", f"{D}<msub>{X}{I}</msub>"),
    "letters beside each other": ("a x", A + X),
    "both scripts, in either order": ("x_i^2 x^2_i", f"<msubsup>{X}{I}{TWO}</msubsup>" * 2),
    "a script takes one letter": ("x_ai", f"<msub>{X}{A}</msub>{I}"),
    "a script takes one digit": ("x^12", f"<msup>{X}{ONE}</msup>{TWO}"),
    "a number is one": ("0.02^2", f"<msup><mn>0.02</mn>{TWO}</msup>"),
    "a group in a script": ("x_{i a}", f"<msub>{X}<mrow>{I}{A}</mrow></msub>"),
    "a script in a script": ("x_{a_i}", f"<msub>{X}<msub>{A}{I}</msub></msub>"),
    "a script of a symbol": (r"x^\top", f"<msup>{X}<mi>\u22a4</mi></msup>"),
    "a script of a bracket": ("(x)^2", f"{LEFT}{X}<msup>{RIGHT}{TWO}</msup>"),
    "a sum with limits": (
        r"\sum_{i=1}^{a} x",
        f"<munderover>{SUM}<mrow>{I}{tight('=')}{ONE}</mrow>{A}</munderover>{THIN}{X}"),
    "a sum with one limit": (r"\sum_i x", f"<munder>{SUM}{I}</munder>{THIN}{X}"),
    "limits inside brackets": (
        r"\left( \sum_i x \right)",
        f"<mrow>{TALL_LEFT}<munder>{SUM}{I}</munder>{THIN}{X}{TALL_RIGHT}</mrow>"),
    "a sum after a bracket": (r"(\sum x)", LEFT + SUM + THIN + X + RIGHT),
    "a sum after a sum": (
        r"\sum_a \sum_i x",
        f"<munder>{SUM}{A}</munder>{THIN}<munder>{SUM}{I}</munder>{THIN}{X}"),
    "a maximum has limits": (r"x - \max_i a", f"{X}{MINUS}<munder>{MAX}{I}</munder>{THIN}{A}"),
    "a maximum of a bracket": (r"\max(1, x)", f"{MAX}{LEFT}{ONE}<mo>,</mo>{X}{RIGHT}"),
    "a function before a letter": (r"a \log x", f"{A}{THIN}<mi>log</mi>{THIN}{X}"),
    "a function before a bracket": (r"\log (x)", f"<mi>log</mi>{LEFT}{X}{RIGHT}"),
    "a power of a function": (r"\tanh^2 x", f"<msup><mi>tanh</mi>{TWO}</msup>{THIN}{X}"),
    "a base of a function": (r"\log_a x", f"<msub><mi>log</mi>{A}</msub>{THIN}{X}"),
    "a function by its name": (r"a \mathrm{gelu}(x)", f"{A}{THIN}<mi>gelu</mi>{LEFT}{X}{RIGHT}"),
    "a prime": ("x'", f"<mrow>{X}{PRIME}</mrow>"),
    "a prime and a subscript": ("x'_i", f"<msub><mrow>{X}{PRIME}</mrow>{I}</msub>"),
    "a prime and a power": ("x'^2", f"<msup><mrow>{X}{PRIME}</mrow>{TWO}</msup>"),
    "a prime after a subscript": ("x_i'", f"<msub><mrow>{X}{PRIME}</mrow>{I}</msub>"),
    "a prime of a function": (r"\tanh' x", f"<mrow><mi>tanh</mi>{PRIME}</mrow>{THIN}{X}"),
    "accents below scripts": (
        r"\hat x_i^2", "<msubsup>" + accent(X, "\u02c6") + f"{I}{TWO}</msubsup>"),
    "an accent of a group": (r"\hat{x} \tilde a", accent(X, "\u02c6") + accent(A, "\u02dc")),
    "a difference": ("a - x", A + MINUS + X),
    "a sign at the start": ("-x", SIGN + X),
    "a sign after a relation": ("a = -x", A + EQUALS + SIGN + X),
    "a sign after a bracket": ("(-x)", LEFT + SIGN + X + RIGHT),
    "a sign after a comma": ("a, -x", f"{A}<mo>,</mo>{SIGN}{X}"),
    "a sign after a space": (r"a = \quad -x", A + EQUALS + QUAD + SIGN + X),
    "a sign after an operation": (r"a \cdot -x", f"{A}<mo>\u22c5</mo>{SIGN}{X}"),
    "a sign in a power": ("x^{-1}", f"<msup>{X}<mrow>{SIGN}{ONE}</mrow></msup>"),
    "a sign in a fraction": (r"\frac{-x}{a}", over(f"<mrow>{SIGN}{X}</mrow>", A)),
    "a difference after a bracket": ("(a) - x", LEFT + A + RIGHT + MINUS + X),
    "a difference after a power": ("a^2 - x", f"<msup>{A}{TWO}</msup>{MINUS}{X}"),
    "no space in a script": (
        "x_{a - i, 1}", f"<msub>{X}<mrow>{A}{LESS}{I}{tight(',')}{ONE}</mrow></msub>"),
    "no space at a slash": ("a / x", A + tight("/") + X),
    "bars that don't grow": ("|x|", BAR + X + BAR),
    "brackets that don't grow": ("[a, x)", f'<mo stretchy="false">[</mo>{A}<mo>,</mo>{X}{RIGHT}'),
    "brackets that grow": (
        r"a \left( x \right)^2",
        f"{A}{THIN}<msup><mrow>{TALL_LEFT}{X}{TALL_RIGHT}</mrow>{TWO}</msup>"),
    "braces that are seen": (r"\lbrace x \rbrace", '<mo stretchy="false">{</mo>' + X +
                             '<mo stretchy="false">}</mo>'),
    "fractions in a fraction": (r"\frac{\frac{a}{x}}{\frac12}", over(over(A, X), over(ONE, TWO))),
    "a fraction of digits": (r"\frac1{2}", over(ONE, TWO)),
    "fractions side by side": (
        r"\frac{a}{x} \frac{x}{a} y", over(A, X) + THIN + over(X, A) + THIN + Y),
    "a fraction before a bracket": (r"\frac{a}{x} (y)", over(A, X) + THIN + LEFT + Y + RIGHT),
    "a root": (r"\sqrt{a + x}", f"<msqrt><mrow>{A}<mo>+</mo>{X}</mrow></msqrt>"),
    "words between spaces": (r"a \quad \mathrm{if} \quad x", f"{A}{QUAD}<mi>if</mi>{QUAD}{X}"),
    "dots between letters": (r"0 \ldots x", f"<mn>0</mn>{THIN}<mi>\u2026</mi>{THIN}{X}"),
    "dots after a comma": (r"a, \ldots", f"{A}<mo>,</mo><mi>\u2026</mi>"),
    "double-struck": (r"\mathbb{E} \mathbb{R}", "<mi>\U0001d53c</mi><mi>\u211d</mi>"),
    "script": (r"\mathcal{L} \mathcal{N}", "<mi>\u2112</mi><mi>\U0001d4a9</mi>"),
    "both epsilons": (r"\epsilon \varepsilon", "<mi>\u03f5</mi><mi>\u03b5</mi>"),
    "capitals of Greek stand upright": (r"\Delta", '<mi mathvariant="normal">\u0394</mi>'),
    "a relation that HTML escapes": ("a < x", f"{A}<mo>&lt;</mo>{X}"),
    "a group is one letter to TeX": ("{a - x}", f"<mrow>{A}{MINUS}{X}</mrow>"),
}
FAULTS = {  # what is refused, how the sentence begins, and the place that it names
    r"x + \foo": (r"the command is \foo; allowed: \Delta", 4),
    r"a \\ b": (r"the command is \\; allowed", 2),
    "a \\": ("the command is \\; allowed", 2),
    r"\begin{matrix}": (r"the command is \begin; allowed", 0),
    "a & b": ("the character is '&'; allowed", 2),
    "50%": ("the character is '%'; allowed", 2),
    "a \u2264 b": ("the character is '\\u2264'; allowed", 2),
    "": ("the formula is empty; allowed", 0),
    " \n": ("the formula is empty; allowed", 0),
    "a + {b": ("} is missing; allowed", 4),
    "x_{a": ("} is missing; allowed", 2),
    r"\left( a": (r"\right is missing; allowed", 0),
    r"\left( {a \right)": (r"\right closes nothing; allowed", 9),
    "a}": ("} closes nothing; allowed", 1),
    "x_a_b": ("_ is the second of one letter; allowed", 3),
    "x^a^b": ("^ is the second of one letter; allowed", 3),
    "x^2'": ("' is the second of one letter; allowed", 3),
    "^2": ("^ has nothing before it; allowed", 0),
    "'x": ("' has nothing before it; allowed", 0),
    "x_": ("after _ is the end; allowed", 2),
    r"\frac{a}": (r"after \frac is the end; allowed", 8),
    r"{\sqrt}": (r"after \sqrt is }; allowed", 6),
    r"x^\frac{a}{b}": (r"after ^ is \frac; allowed", 2),
    r"\sqrt[3]{a}": (r"\sqrt has an index; allowed", 0),
    r"\left a": (r"after \left is a; allowed", 6),
    r"\mathrm d": (r"after \mathrm is another text; allowed", 7),
    r"\mathrm{if not}": (r"after \mathrm is another text; allowed", 7),
    r"\mathbb{e}": (r"after \mathbb is another text; allowed", 7),
    "{" * 50 + "}" * 50: (f"the group is {DEEPEST + 1} deep; allowed: at most {DEEPEST}", 39),
}


@pytest.mark.parametrize("name", CASES)
def test_what_the_browser_is_told(name):
    latex, expected = CASES[name]
    assert inside(latex, display=True) == expected


def test_a_fraction_in_a_line_is_as_small_as_a_script():
    assert inside(r"\frac{a - x}{2}") == over(f"<mrow>{A}{LESS}{X}</mrow>", TWO)
    assert inside(r"\frac{a - x}{2}", display=True) == over(f"<mrow>{A}{MINUS}{X}</mrow>", TWO)


def test_a_display_stands_alone_and_a_formula_in_its_line():
    assert as_mathml("x", display=True) == f'<math display="block">{X}</math>'
    assert as_mathml("x") == f"<math>{X}</math>"


@pytest.mark.parametrize("latex", FAULTS)
def test_what_is_refused_and_where(latex):
    why, at = FAULTS[latex]
    with pytest.raises(Unreadable) as fault:
        as_mathml(latex)
    assert str(fault.value).startswith(why) and "\n" not in str(fault.value)
    assert fault.value.at == at


def test_every_formula_of_every_derivation_is_well_formed():
    assert len(FORMULAS) > 1500
    for latex, display in FORMULAS:
        ET.fromstring(as_mathml(latex, display))


def test_what_is_known_is_what_the_derivations_use_and_all_of_greek():
    used = {command for latex, _ in FORMULAS for command in re.findall(r"\\[A-Za-z]+", latex)}
    assert used <= set(COMMANDS) <= used | {f"\\{name}" for name in GREEK}


@given(st.lists(st.sampled_from(PIECES)).map("".join) | st.text(), st.booleans())
def test_whatever_is_drawn_is_well_formed_or_refused_at_a_place_in_it(latex, display):
    try:
        found = as_mathml(latex, display)
    except Unreadable as fault:
        assert 0 <= fault.at <= len(latex)
    else:
        assert {element.tag for element in ET.fromstring(found).iter()} <= ELEMENTS


@given(NESTED)
def test_whatever_is_nested_rightly_is_set_with_each_of_its_parts(latex):
    tags = [element.tag for element in ET.fromstring(as_mathml(latex)).iter()]
    assert tags.count("mfrac") == latex.count(r"\frac")
    assert tags.count("msqrt") == latex.count(r"\sqrt")
    assert tags.count("munder") == latex.count(r"\sum")
    assert tags.count("msub") == latex.count("}_{")
