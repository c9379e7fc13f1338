"""Formulas in plain characters: how each form reads, and that it means the same."""

import math
import random
import re

import pytest
from hypothesis import given, strategies as st

from compare.book.reading.latex import Unreadable
from compare.book.reading.mathml import as_mathml
from compare.book.reading.plain import as_plain, fold_formula, plain_text
from formulas import FORMULAS, PIECES

CASES = {
    "indices": (r"\hat x_{nc} = z_{nc} r_n", "x-hat[n,c] = z[n,c] r[n]"),
    "an index that is computed": ("m_{t-1} + a_{n - 1, d}", "m[t-1] + a[n-1,d]"),
    "an index of an index": (r"E_{s_{bt} c}", "E[s[b,t],c]"),
    "an index in brackets": ("z_{b t (hD + d)} y_{f(i) 2i}", "z[b,t,hD+d] y[f(i),2i]"),
    "a number belongs to the name": (r"\beta_1^t x_0", "beta_1^t x_0"),
    "a word belongs to the name": (r"\nu_{\max} E_{vc}^{\mathrm{out}}", "nu_max E_out[v,c]"),
    "gradients": (r"\mathrm{d}\hat x_{nc}, \mathrm{d}\gamma_c, \mathrm{d}z^\top M",
                  "dx-hat[n,c], dgamma[c], dz^T M"),
    "derivatives": (r"\sum_i \mathrm{d}y_i \frac{\partial y_i}{\partial x_j}",
                    "sum over i of dy[i] (partial y[i] / partial x[j])"),
    "a derivative of all that follows": (r"\frac{\partial}{\partial x_v} \log a",
                                         "(partial / partial x[v]) log a"),
    "a sum before a sign": (r"\sum_i x_i W_{oi} + b_o", "(sum over i of x[i] W[o,i]) + b[o]"),
    "a sum of sums": (r"\sum_{b} \sum_{t} y_{bt}", "sum over b, t of y[b,t]"),
    "letters below one sum": (r"\sum_{nc} y_{nc}", "sum over n, c of y[n,c]"),
    "a sum with two limits": (r"\sum_{s=1}^{t} \beta_1^{t-s}",
                              "sum over s from 1 to t of beta_1^(t-s)"),
    "a sum with a condition": (r"\sum_{j \leq t} e^{s_j}", "sum over j <= t of exp(s[j])"),
    "a sum without limits": (r"\sum x", "sum of x"),
    "a sum below a line": (r"\frac{a}{\sum_j b_j}", "a / (sum over j of b[j])"),
    "a maximum over": (r"x - \max_j x_j", "x - max over j of x[j]"),
    "a maximum of": (r"\max \left( 1, x \right) \min(1, x)", "max(1, x) min(1, x)"),
    "a short fraction": (r"x - \frac{1}{C} a", "x - (1/C) a"),
    "a fraction alone": (r"-\frac{a + b}{2 c} + \frac{a b}{c}", "-(a + b) / (2 c) + a b / c"),
    "a fraction before a factor": (r"\frac{m_i}{1 - r} x_i", "(m[i] / (1 - r)) x[i]"),
    "a fraction at the end": (r"a \frac{x - b}{\sqrt{v}}", "a (x - b) / sqrt(v)"),
    "a fraction after a function": (r"\log \frac{a_i}{b}", "log (a[i] / b)"),
    "a short fraction at the end": (r"r^3 \frac{2}{C}", "r^3 (2/C)"),
    "fractions in a fraction": (r"\frac{\frac{a_i}{b}}{\frac{c}{d}}", "(a[i] / b) / (c/d)"),
    "a fraction in a product above a line": (r"\frac{a \frac{b_i}{c}}{d}", "(a b[i] / c) / d"),
    "a slash above a line": (r"\frac{a / (1 - b)}{c}", "(a / (1 - b)) / c"),
    "a power that is no integer": (r"x^{0.5} x^{\frac{1}{2}}", "x^0.5 x^(1/2)"),
    "powers": (r"a^{-1} b^{-1/2} 10^{-5} c^{l+1} W^\top", "a^-1 b^(-1/2) 10^-5 c^(l+1) W^T"),
    "a power of a power": (r"{a^b}^c a^{b^c}", "(a^b)^c a^(b^c)"),
    "a power of brackets": (r"(a + b)^2 \left( \frac{a_i}{b} \right)^2", "(a + b)^2 (a[i] / b)^2"),
    "exponentials": (r"e^{-w} e_i^2", "exp(-w) e[i]^2"),
    "a function": (r"\mathrm{gelu}'(h_j) \tanh u n_1(x) \mathrm{block}_l(x)",
                   "gelu'(h[j]) tanh u n_1(x) block[l](x)"),
    "a product with brackets": (r"s (x + a) w_u \left( x \right)", "s (x + a) w[u] (x)"),
    "as close as its author wrote it": (r"h = 2C - hD + V C", "h = 2C - hD + V C"),
    "bars": (r"a / |g_1| = \pm 1", "a / |g_1| = +-1"),
    "a condition beside an equation": (
        r"\lambda_a = 0 \quad \mathrm{if} \quad a \geq 2, \quad b = 1",
        "lambda[a] = 0 if a >= 2,  b = 1"),
    "signs": (r"x \leftarrow -\infty \neq a \cdot -b \approx 1 \to y \in \lbrace 0, 1 \rbrace",
              "x <- -infinity != a * -b ~ 1 -> y in {0, 1}"),
    "two epsilons": (r"\epsilon \varepsilon", "eps epsilon"),
    "dots": (r"n = 0 \ldots N - 1", "n = 0 ... N - 1"),
    "what goes on with a line above": ("= a \n + b", "= a + b"),
}


@pytest.mark.parametrize("name", CASES)
def test_how_it_reads(name):
    latex, expected = CASES[name]
    assert as_plain(latex) == expected


def test_every_formula_of_every_derivation_reads_as_a_line():
    for latex, _ in FORMULAS:
        text = as_plain(latex)
        assert re.fullmatch(r"[ -~]+", text) and "\\" not in text and "$" not in text, latex
        assert text == text.strip() and not re.search(r"   |[([] | [)\]]| ,|_\[", text), text
        assert sum(map(text.count, "([{")) == sum(map(text.count, ")]}")), text  # [0, 1), too


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_what_browsers_are_told_a_console_is_told_too(latex):
    try:
        as_mathml(latex)
    except Unreadable:
        with pytest.raises(Unreadable):
            as_plain(latex)
    else:
        assert "\n" not in as_plain(latex) and as_plain(latex).isascii()


@pytest.mark.parametrize("width", [20, 40, 76])
def test_a_folded_formula_is_the_same_and_no_wider(width):
    for text in {as_plain(latex) for latex, _ in FORMULAS}:
        lines = fold_formula(text, width)
        assert " ".join(" ".join(lines).split()) == " ".join(text.split())
        assert all(len(line) <= width or " " not in line.strip() for line in lines)


def test_a_formula_is_folded_where_one_would_break_it():
    text = "dx[j] = sum over s of dy[s] y[s] (delta[s,j] - y[j]) = y[j] (dy[j] - a),  b = c"
    assert fold_formula(text, 60) == ["dx[j] = sum over s of dy[s] y[s] (delta[s,j] - y[j])",
                                      "    = y[j] (dy[j] - a),  b = c"]
    assert fold_formula(text, 75) == [
        "dx[j] = sum over s of dy[s] y[s] (delta[s,j] - y[j]) = y[j] (dy[j] - a),", "b = c"]
    assert fold_formula("y = aaaaaaa + b (ccc - dddddd)", 24) == ["y = aaaaaaa",
                                                                "    + b (ccc - dddddd)"]
    assert fold_formula("y = sum over c of x[c] (a + b)", 24) == ["y = sum over c of x[c]",
                                                                "    (a + b)"]


def test_a_text_keeps_its_code_and_loses_its_marks():
    text = "The *mean* of `x[*]`, **not** of $\\hat x_n$: see [LN-3](layer_norm.md#ln-3)."
    assert plain_text(text) == "The mean of `x[*]`, not of x-hat[n]: see LN-3."


VALUES = {"a": 3.0, "b": 0.5, "c": 7.0}
TOKEN = re.compile(r"sum over i from 1 to 3 of|exp|sqrt|x\[i\]|[a-z]|\d+|\S")
SUM, PRODUCT, FACTOR = range(3)


def drawn(draw, depth):
    """Return (LaTeX, value, whether it is a sum, a product or a factor) of a drawn formula."""
    if not depth:
        letter = draw.choice([*VALUES])
        return letter, VALUES[letter], FACTOR
    (a, x, kind), (b, y, other) = drawn(draw, depth - 1), drawn(draw, depth - 1)
    factor = a if kind == FACTOR else rf"\left( {a} \right)"
    product = a if kind >= PRODUCT else factor
    then_product, then_factor = (b if other >= least else f" ({b})" for least in (PRODUCT, FACTOR))
    return draw.choice([
        (f"{a} + {b}", x + y, SUM),
        (f"{a} - {then_product}", x - y, SUM),
        (f"-{product}", -x, SUM),
        (f"{product} {then_factor}", x * y, PRODUCT),
        (rf"{product} \cdot {then_product}", x * y, PRODUCT),
        (rf"\frac{{{a}}}{{{b}}}", x / y, FACTOR),
        (rf"\frac{{{a}}}{{{b}}} {then_factor}", x / y * y, PRODUCT),
        (rf"{factor} \frac{{{b}}}{{{a}}}", x * (y / x), PRODUCT),
        (f"{factor}^2", x**2, PRODUCT),
        (rf"\sqrt{{{factor}^2}}", abs(x), FACTOR),
        (rf"\sum_{{i=1}}^{{3}} x_i {factor}", 6 * x, PRODUCT),
        (rf"e^{{-\frac{{1}}{{1 + {factor}^2}}}}", math.exp(-1 / (1 + x**2)), PRODUCT)])


class Reading:
    """What a reader takes a plain formula for. To a hasty one a sum goes on behind its + and -, and
    factors beside each other belong together before a slash is seen; another goes left to right."""

    def __init__(self, text, hasty):
        self.tokens, self.at, self.i, self.hasty = [*TOKEN.findall(text), ""], 0, 0, hasty
        self.value = self.terms()
        assert not self.tokens[self.at], text

    def take(self, token):
        """Return whether a token is the next; then it is taken."""
        self.at += (found := self.tokens[self.at] == token)
        return found

    def terms(self):
        total = self.signed()
        while self.take("+") or self.tokens[self.at] == "-":
            total += self.signed()
        return total

    def signed(self):
        return -self.signed() if self.take("-") else self.product()

    def product(self):
        total = self.factors()
        while self.tokens[self.at] not in ("", *"+-)"):
            total *= 1 / self.factors() if self.take("/") else (self.take("*"), self.factors())[1]
        return total

    def factors(self):
        total = self.power()
        while self.hasty and self.tokens[self.at] not in ("", *"+-*/)"):
            total *= self.power()
        return total

    def power(self):
        base = self.factor()
        return base ** self.factor() if self.take("^") else base

    def factor(self):
        self.at += 1
        token = self.tokens[self.at - 1]
        if token in ("exp", "sqrt", "("):
            self.at += token != "("
            value = self.terms()
            assert self.take(")")
            return value if token == "(" else getattr(math, token)(value)
        if not token.startswith("sum"):
            return self.i if token == "x[i]" else VALUES.get(token) or int(token)
        start, total = self.at, 0
        for i in 1, 2, 3:
            self.at, self.i = start, i
            total += self.terms() if self.hasty else self.product()
        return total


@pytest.mark.parametrize("hasty", [False, True])
def test_it_means_the_same_however_hasty_one_reads(hasty):
    draw, seen = random.Random(0), 0
    while seen < 2000:
        try:
            latex, value, _ = drawn(draw, draw.randint(1, 3))
        except (ZeroDivisionError, OverflowError):
            continue
        text, seen = as_plain(latex), seen + 1
        assert Reading(text, hasty).value == pytest.approx(value, rel=1e-9, abs=1e-9), (latex, text)
