"""Answers as students write them: what the grader says of wrong ones, and that right ones pass.

All of them run under the thorough profile, an eighth of them otherwise. The score:
python -m pytest -s --hypothesis-profile=thorough tests/compare/grading/test_answers.py
"""

import textwrap

import numpy as np
import pytest
from hypothesis import settings

from compare.grading.grade import alike
from compare.grading.gpt_variants import tanh_gelu
from compare.grading.variants import VARIANTS, output_of, results_of, variant_of
from compare.layers.table import LAYERS
from right_answers import RIGHT_ANSWERS
from submissions import fill, here, kept_cases, verdict  # noqa: F401, here is a fixture
from wrong_answers import BEGIN, WRONG_ANSWERS

EACH = 1 if settings().max_examples > 1000 else 8


def answered(folder, stem, lines):
    """Write the exercise of a layer with an answer in it."""
    body = textwrap.indent(f"{BEGIN[stem]}\n{lines}", "    ")
    return fill(folder, stem, f"\n{body}\n")


@pytest.mark.parametrize("stem, lines, words", WRONG_ANSWERS[::EACH])
def test_a_wrong_answer_is_told_what_is_wrong(
        here, tmp_path, capsys, stem, lines, words):  # noqa: F811
    right, out = verdict(capsys, answered(tmp_path, stem, lines), stem)
    assert not right and (words or "no known mistake matches") in out, out
    assert words or "what you get when" not in out, out


def test_the_score(capsys):
    told = [words is not None for *_, words in WRONG_ANSWERS]  # each is held to it above
    with capsys.disabled():
        print(f"\n{sum(told)} of {len(told)} wrong answers are told their mistake", end="")
    assert sum(told) >= 0.9 * len(told)


@pytest.mark.parametrize("stem, lines", RIGHT_ANSWERS[::EACH])
def test_a_right_answer_in_another_style_passes(here, tmp_path, capsys, stem, lines):  # noqa: F811
    right, out = verdict(capsys, answered(tmp_path, stem, lines), stem)
    assert right, out


def test_there_are_a_hundred_wrong_answers_and_eight_or_more_of_each_leaf_layer():
    stems = [stem for stem, *_ in WRONG_ANSWERS]
    assert len(stems) >= 100 and len(RIGHT_ANSWERS) >= 20
    leaves = ["linear", "embedding", "layer_norm", "gelu", "softmax", "dropout", "cross_entropy",
              "rms_norm", "rope", "swiglu"]
    assert min(map(stems.count, leaves)) >= 8


@pytest.mark.parametrize("stem", VARIANTS)
def test_a_known_variant_is_recognised_and_no_other_taken_for_it(stem):
    function, known = VARIANTS[stem]
    cases = [case for case in kept_cases(stem) if not case.usual][-10:]
    cases += [case for case in kept_cases(stem) if min(case.sizes.values()) > 1][:1]
    right = {"act": tanh_gelu} if stem == "gelu" else {}
    for case in cases:  # with nothing exchanged it is the reference's layer
        found = results_of(function, case, right)
        assert all(alike(found[name], case.truth[name]) for name in case.truth)
    for words, how in known:
        found = [(case, {"output": output_of(function, case, how)[0]}) for case in cases]
        assert not all(alike(results["output"], case.truth["output"]) for case, results in found)
        assert variant_of(stem, found, alike)[0] == words
    assert variant_of(stem, [(case, case.truth) for case in cases], alike) is None


EXACT = """
import numpy as np
from math import erf

Phi = np.vectorize(lambda t: (1 + erf(t / 2**0.5)) / 2)


def forward(x):
    return x * Phi(x), x


def backward(dy, x):
    return {factor} * dy * (Phi(x) + x * np.exp(-x * x / 2) / np.sqrt(2 * np.pi))
"""
RMS = """
import numpy as np


def forward(x, weight, bias, eps=1e-5):
    rstd = 1 / np.sqrt((x * x).mean(-1, keepdims=True) + eps)
    return x * rstd * weight + bias, (x * rstd, rstd, weight)


def backward(dy, cache):
    xhat, rstd, weight = cache
    d = dy * weight
    dx = rstd * (d - xhat * (d * xhat).mean(-1, keepdims=True))
    return dx, (dy * xhat).sum((0, 1)), 2 * dy.sum((0, 1))
"""
CUBED = """
def forward(x):
    return x**3, x


def backward(dy, x):
    return {factor} * dy * x**2
"""
SINGLE = """
import numpy as np
from reference import gelu


def forward(x):
    return gelu.forward(x.astype(np.float32))[0].astype(float), gelu.forward(x)[1]


backward = gelu.backward
"""
META = """
import numpy as np


def forward(x, base=10000.0, start=0):
    T, D = x.shape[-2:]
    turn = np.exp(1j * np.outer(start + np.arange(T), base ** (-np.arange(0, D, 2) / D)))
    return turned(x, turn), turn


def backward(dy, turn):
    return turned(dy, turn.conj())


def turned(x, turn):
    z = (x[..., ::2] + 1j * x[..., 1::2]) * turn
    return np.stack((z.real, z.imag), -1).reshape(x.shape)
"""
FITS = "your backward fits your forward"


@pytest.mark.parametrize("stem, text, words", [
    ("gelu", EXACT.format(factor=1), f"the exact GELU, x Phi(x) with erf\n{FITS}"),
    ("gelu", EXACT.format(factor=2), "doesn't fit your forward either\n"),
    ("gelu", EXACT.format(factor=2), "it is the right one times 2"),
    ("layer_norm", RMS, "RMS norm: the mean is not subtracted\n"
     "of your own forward dx and dweight are the slope, and dbias is not\n"),
    ("layer_norm", RMS, "dbias: no known mistake matches\n    it is the right one times 2"),
    ("rope", META, f"channels 2i and 2i + 1, as Meta's files and llama.cpp have it\n{FITS}"),
    ("gelu", CUBED.format(factor=3), f"not that of the reference\n{FITS}"),
    ("gelu", CUBED.format(factor=2), "it is not the slope of your forward"),
    ("gelu", SINGLE,
     "output: right, but to 6 digits only, as float32 arithmetic inside leaves it")])
def test_a_gradient_is_held_against_its_own_forward(
        here, tmp_path, capsys, stem, text, words):  # noqa: F811
    path = tmp_path / "own.py"
    path.write_text(text, encoding="utf-8")
    right, out = verdict(capsys, path, stem)
    assert not right and words in out, out


def test_two_equal_numbers_are_never_shown_as_different(here, tmp_path, capsys):  # noqa: F811
    lines = "return (y * (dy - (dy * y).sum(-1, keepdims=True))) * (1 + 3e-7)"
    _, out = verdict(capsys, answered(tmp_path, "softmax", lines), "softmax")
    yours, right = [line.partition("[")[2] for line in out.splitlines() if "there yours" in line
                    or "the right one [" in line]
    assert yours != right and "is right to 6 digits" in out and "1 times" not in out, out


def test_a_shape_is_judged_where_the_sizes_differ(here, tmp_path, capsys):  # noqa: F811
    lines = "return dy @ weight, Params(dys.T @ rows, 2 * dy.sum(0))"
    _, out = verdict(capsys, answered(tmp_path, "linear", lines), "linear")
    assert "it has the shape (9, 9) where (9,) is right, at B = 9, T = 9" in out, out
    assert "right numbers" not in out and "there yours has the shape (1, 1)" in out


def test_two_mistakes_at_once_are_told_apart(here, tmp_path, capsys):  # noqa: F811
    lines = ("dx = rstd * (dy - total(dy) / N)\nreturn dx, Params(dw / len(dy), db)")
    _, out = verdict(capsys, answered(tmp_path, "layer_norm", lines), "layer_norm")
    assert "your dx is what you get with two mistakes:\n    the scale gamma is left out" in out, out
    assert "\n    the path through the variance is left out" in out and "1 / B" in out


@pytest.mark.parametrize("lines, words", [
    ("return dy * keep * rate / (1 - rate)", "times rate"),
    ("return dy * keep / (1 - rate) ** 0.5", "times sqrt((1 - rate))")])
def test_a_factor_may_hold_the_rate(here, tmp_path, capsys, lines, words):  # noqa: F811
    _, out = verdict(capsys, answered(tmp_path, "dropout", lines), "dropout")
    assert words in out, out


def test_the_rows_of_the_extreme_case_hold_a_probability_of_zero():
    for stem in "softmax", "cross_entropy":
        case, = [case for case in kept_cases(stem) if case.extreme]
        assert (np.exp(case.example.inputs[[*case.example.inputs][0]] - 800) == 0).any()
        assert stem in LAYERS and "[0.0, 800.0, 3.0]" in case.place


def test_an_output_of_another_shape_is_told_as_wrong(here, tmp_path, capsys):  # noqa: F811
    path = tmp_path / "own.py"
    path.write_text("def forward(x):\n    return x[..., None], x\n\n\n"
                    "def backward(dy, x):\n    return dy\n", encoding="utf-8")
    right, out = verdict(capsys, path, "gelu")
    assert not right and "output: this forward is not that of the reference" in out, out
