"""The names of a chapter: which they are, and where they are marked."""

import pytest

from compare.book.reading.markdown import as_html, read_blocks
from compare.book.reading.chapter import Chapter
from compare.book.reading.mathml import as_mathml
from compare.book.pages.names import Marks, symbols

HEAD = "## Symbols\n\n| symbol | in the code | what it is | shape | note |\n|---|---|---|---|---|\n"
TABLE = HEAD + r"""| $x_{nc}$ | `x` | input | `(N, C)` | `p` |
| $\hat x_{nc}$ | `xhat`, `normed` | of it | `(N, C)` | |
| $x^{(t)}$ | `later` | told apart by its index alone | | |
| $\gamma_c$ | `weight` | scale | | |
| $C$ | | how many | | |

## Other

| $y$ | `y` |
|---|---|
| $z$ | `z` |
"""


def chapter(text):
    return Chapter("softmax", "Softmax", read_blocks("\n" * 9 + text, "softmax.md"))


def inner(latex):
    return as_mathml(latex).removeprefix("<math>").removesuffix("</math>")


def marks(*pairs):
    return Marks([(inner(latex), names) for latex, *names in pairs])


def test_the_symbols_are_the_rows_of_their_table():
    assert symbols(chapter(TABLE)) == [
        (inner("x"), ["x"]), (inner(r"\hat x"), ["xhat", "normed"]), (inner("x"), ["later"]),
        (inner(r"\gamma"), ["weight"]), (inner("C"), [])]
    assert symbols(chapter("## Forward\n\nText.\n")) == []


@pytest.mark.parametrize("cell, said", [("x", "the symbol is x; allowed: one formula"), ("", "the symbol is empty; "),
                                        ("$x$, $y$", r"the symbol is \$x\$, \$y\$; "), ("`x`", "the symbol is `x`; "),
                                        (r"$x_\mathrm{a}$ ", "after _ is ")])
def test_a_symbol_that_is_no_formula_is_refused_with_its_line(cell, said):
    text = f"## Symbols\n\n| symbol | in the code |\n|---|---|\n| $x$ | `x` |\n| {cell} | `y` |\n"
    with pytest.raises(ValueError, match=rf"^(reference/)?softmax\.md:15: {said}"):
        symbols(chapter(text))


def test_formulas_are_marked_with_the_longest_symbol():
    found = marks(("x", "x"), (r"\hat x", "xhat", "normed"), (r"\gamma", "weight"))
    text = as_html(r"$\mathrm{d}\hat x_{nc} = x_{nc} \gamma_c k$ and x", "page")
    assert found.html(text) == (
        '<p><math><mi data-n="dxhat" mathvariant="normal">d</mi><msub><mover data-n="dxhat" accent="true"><mi>x</mi>'
        '<mo stretchy="false">\u02c6</mo></mover><mrow><mi>n</mi><mi>c</mi></mrow></msub><mo>=</mo>'
        '<msub><mi data-n="x">x</mi><mrow><mi>n</mi><mi>c</mi></mrow></msub>'
        '<msub><mi data-n="weight">\u03b3</mi><mi>c</mi></msub><mi>k</mi></math> and x</p>')


def test_of_two_symbols_that_begin_alike_the_longer_is_marked():
    found = marks(("a", "a"), ("ab", "both")).html(as_html("$ab + a$", "page"))
    assert found.count('data-n="both"') == 1 and found.count('data-n="a"') == 1


def test_letters_that_only_an_index_tells_apart_are_not_marked():
    text = as_html("$x$ `x` `later` `dlater`", "page")
    assert marks(("x", "x"), ("x", "later")).html(text) == (
        '<p><math><mi>x</mi></math> <code data-n="x">x</code> <code data-n="later">later</code> '
        '<code data-n="dlater">dlater</code></p>')
    assert Marks([]).html(text) == text


@pytest.mark.parametrize("code, html", [
    ("x = dx + p.xhat", '[x:x] = [dx:dx] + p.[xhat:xhat]'),
    ("normed + dnormed", "[xhat:normed] + [dxhat:dnormed]"),
    ("xx + x2 + d + ddx", "xx + x2 + d + ddx"),
    ("e = 1e-5 + 2e3", "[e:e] = 1e-5 + 2e3"),
    ("x  # x < 1", "[x:x]  <i># x &lt; 1</i>"),
    ("a < x & b", "a &lt; [x:x] &amp; b"),
    ('"# x" + x', '"# x" + [x:x]'),
    ("'# \\' x' + x  # x", "'# \\' x' + [x:x]  <i># x</i>"),
    ('f"{x} #" + x', 'f"{x} #" + [x:x]'),
    ('"""one x\n# two "x" <\n""" + x  # x', '"""one x\n# two "x" &lt;\n""" + [x:x]  <i># x</i>'),
    ("'''x\n# x''' + x", "'''x\n# x''' + [x:x]"),
    ("x.grad = p.xhat.grad + x.grad_fn", "[dx:x].grad = p.[dxhat:xhat].grad + [x:x].grad_fn"),
    ("it's x\nit's x # x", "it's [x:x]\nit's [x:x] <i># x</i>"),
])
def test_code_is_marked_its_comments_dimmed_and_its_strings_left_alone(code, html):
    found = marks(("x", "x"), (r"\hat x", "xhat", "normed"), ("e", "e"))
    for name in "x", "dx", "xhat", "dxhat", "e":
        for word in "x", "dx", "xhat", "normed", "dnormed", "e":
            html = html.replace(f"[{name}:{word}]", f'<span data-n="{name}">{word}</span>')
    assert found.code(code) == html
