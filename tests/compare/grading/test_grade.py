"""Exercises and the grader: what a student meets, right, wrong and broken."""

import copy
import inspect
import re
from pathlib import Path

import numpy as np
import pytest

import mutation
from compare.__main__ import main
from compare.grading import exercise, grade, hints, sandbox
from compare.grading.cases import cases
from compare.grading.submission import arrays_in
from compare.checks.coverage import Coverage
from compare.layers import both
from compare.layers.source import HOUSE, path_of
from compare.layers.table import LAYERS
from compare.mutants.make import vocabulary
from compare.words import argument
from foreign import LOSS_AT_ONCE
from submissions import RIGHT, fill, here, verdict  # noqa: F401, here is a fixture

WRONG = [  # (layer, what is right, what a student wrote, what the grader must say)
    ("layer_norm", "n * d - d.sum(-1, keepdims=True) - xhat", "n * d - xhat",
     "your dx is what you get when the path through the mean is left out (LN-8)"),
    ("layer_norm", " - xhat * (d * xhat).sum(-1, keepdims=True))", ")",
     "your dx is what you get when the path through the variance is left out (LN-8)"),
    ("layer_norm", "dy * weight", "dy",
     "your dx is what you get when the scale gamma is left out: right only where it is 1 (LN-7)"),
    ("layer_norm", "rstd / n", "rstd", "it is the right one times C"),
    ("layer_norm", "dy.sum(axes)", "dy.mean(axes)",
     "your dbias is what you get when the mean of the rows of dy is taken, not the sum"),
    ("layer_norm", "dy.sum(axes)", "dy.sum(0)",
     "your dbias is what you get when dy is summed over its first axis only (LN-6)"),
    ("softmax", "- cache.y[..., :, None] * cache.y[..., None, :]", "",
     "your dx is what you get when only the numerator is differentiated"),
    ("softmax", "(dy[..., None, :] @ jacobian)[..., 0, :]", "dy * jacobian.diagonal(0, -2, -1)",
     "only the diagonal of the Jacobian is kept: each y depends on every x of its row (SM-5)"),
    ("layer_norm", "rstd / n * (n * d - d.sum(-1, keepdims=True) - xhat", "rstd * (d); (xhat",
     "both paths, through the mean and through the variance, are left out (LN-8)"),
    ("layer_norm", "rstd / n * (n * d", "rstd * (d",
     "both means over the channels are taken as sums (LN-8)"),
    ("softmax", "[..., 0, :]", "[..., 0, :].astype(np.float32)",
     "it is right, but float32, where float64 came in"),
    ("softmax", "[..., 0, :]", "[..., 0, :] * np.linspace(1, 2, dy.shape[-1])",
     "no known mistake matches"),
    ("linear", "bto,bti->oi", "bto,bti->io", "it is the transpose: the weight is (O, I)"),
    ("linear", "dy.sum((0, 1))", "dy[:, :-1].sum((0, 1))", "no known mistake matches"),
    ("cross_entropy", " / cache.counted.sum()", "",
     "too large by the number of counted targets (CE-5)"),
    ("cross_entropy", " * cache.counted[..., None]", "",
     "your dlogits is what you get when a target that is ignored must get no gradient"),
    ("cross_entropy", "cache.counted.sum()", "cache.counted.size",
     "it is divided by the number of all targets, not by that of the counted ones (CE-5)"),
    ("cross_entropy", "cache.counted.sum()", "len(dlogits)",
     "it is divided by B, not by the number of the counted targets (CE-5)"),
    ("cross_entropy", "cache.counted.sum()", "dlogits.shape[1]",
     "it is the right one times counted / T, where `counted` is the number of counted targets"),
    ("embedding", 'np.einsum("btv,btc->vc", onehot, dy)',
     "np.array([dy[tokens == v][-1] if (tokens == v).any() else 0 * dy[0, 0] for v in range(V)])",
     "your dtoken.weight is what you get when a token that stands in several places gets the "
     "gradient of the last of them only (EMB-2)"),
]


@pytest.mark.parametrize("stem", RIGHT)
def test_a_right_backward_in_the_students_own_words_passes(here, tmp_path, capsys, stem):
    right, out = verdict(capsys, fill(tmp_path, stem, RIGHT[stem]), stem)
    assert right, out
    assert "WRONG" not in out and "all of it is right" in out


@pytest.mark.parametrize("stem, before, after, words", WRONG)
def test_a_mistake_has_a_name(here, tmp_path, capsys, stem, before, after, words):
    assert before in RIGHT[stem]
    right, out = verdict(capsys, fill(tmp_path, stem, RIGHT[stem].replace(before, after)), stem)
    assert not right and words in out, out


@pytest.mark.parametrize("stem", LAYERS)
def test_every_layer_has_an_exercise_that_its_own_backward_solves(here, tmp_path, capsys, stem):
    name = ".".join(path_of(stem).with_suffix("").parts)
    body = f"\n    import {name} as solved\n    return solved.backward({{}}, cache)\n"
    cotangent = next(iter(inspect.signature(LAYERS[stem].numpy.backward).parameters))
    right, out = verdict(capsys, fill(tmp_path, stem, body.format(cotangent)), stem)
    assert right, out
    text = (tmp_path / f"{stem}_exercise.py").read_text(encoding="utf-8")
    assert path_of(stem, ".md").as_posix() in text and "from ." not in text


def test_one_mistake_of_the_model_is_told_once(here, tmp_path, capsys):
    body = "\n    import reference.gpt as solved\n    return solved.backward(2 * dlogits, cache)\n"
    right, out = verdict(capsys, fill(tmp_path, "gpt", body), "gpt")
    assert not right and out.count("no known mistake matches") == 1 and out.count("\n") < 45, out
    assert "it is the right one times 2" in out and "and 25 more: no known mistake" in out
    rows = [line for line in out.splitlines() if re.match("d |output", line)]
    assert len({re.search("right |WRONG ", row).start() for row in rows}) == 1, out
    assert "off by 50%, first at" in out


def test_the_exercise_calls_the_cotangent_by_its_name():
    assert "    #   dloss     ()\n    #   d logits  (2, 4, 7)\n" in exercise.exercise_text("cross_entropy", "")
    assert "    #   dlogits                           (2, 4, 7)\n" in exercise.exercise_text("gpt", "")


NO_RESIDUALS = """
    dm, dmlp = mlp.backward(dy, cache.mlp)
    dr, dnorm_2 = layer_norm.backward(dm, cache.norm_2)
    dn, dattention = attention.backward(dr, cache.attention)
    dx, dnorm_1 = layer_norm.backward(dn, cache.norm_1)
    return dx, Params(dnorm_1, dattention, dnorm_2, dmlp)
"""
INNER = """
    import reference.{0} as solved, reference.softmax as inner
    right = inner.backward
    inner.backward = lambda dy, cache: cache.y * dy
    try:
        return solved.backward(dy, cache)
    finally:
        inner.backward = right
"""


@pytest.mark.parametrize("stem, body, words", [
    ("block", NO_RESIDUALS, "when both residual paths, around the attention and around the MLP, are"),
    ("attention", INNER.format("attention"), "when, in softmax, only the numerator is differ"),
    ("attention", INNER.format("attention"), "read reference/softmax.md#sm-5"),
    ("block", INNER.format("block"), "when, in softmax, only the numerator is differentiated")])
def test_a_mistake_in_a_composed_layer_has_a_name(here, tmp_path, capsys, stem, body, words):
    right, out = verdict(capsys, fill(tmp_path, stem, body), stem)
    assert not right and words in out, out


def test_an_argument_that_is_overwritten_is_told(here, tmp_path, capsys):
    body = "\n    dy *= cache.keep / (1 - cache.rate)\n    return dy.copy()\n"
    right, out = verdict(capsys, fill(tmp_path, "dropout", body), "dropout")
    assert not right and "backward changes its arguments or its cache in place" in out


FOREIGN = '''
import numpy as np
import torch


def norm(x, gamma, beta, eps=1e-5):
    mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return gamma * (x - mean) / np.sqrt(var + eps) + beta


def norm_backward(dy, x, gamma, beta, eps=1e-5):
    std = np.sqrt(x.var(-1, keepdims=True) + eps)
    xhat, d = (x - x.mean(-1, keepdims=True)) / std, dy * gamma
    dx = (d - d.mean(-1, keepdims=True) - xhat * (d * xhat).mean(-1, keepdims=True)) / std
    return dx, (dy * xhat).sum((0, 1)), dy.sum((0, 1))


class library:
    @staticmethod
    def gelu(x):
        return torch.nn.functional.gelu(x), x

    @staticmethod
    def gelu_backward(dy, x):
        x = x.detach().requires_grad_()
        return torch.autograd.grad(torch.nn.functional.gelu(x, approximate="tanh"), x, dy)[0]


def loss(logits, targets):
    shifted = logits - logits.max(-1, keepdims=True)
    logprobs = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return -np.take_along_axis(logprobs, targets[..., None], -1).mean(), (logprobs, targets)


def loss_backward(dloss, cache):
    logprobs, targets = cache
    return dloss * (np.exp(logprobs) - (np.arange(logprobs.shape[-1]) == targets[..., None]))
'''


def test_someone_elses_layer_is_graded_too(here, tmp_path, capsys):
    path = tmp_path / "library.py"
    path.write_text(FOREIGN, encoding="utf-8")
    right, out = verdict(capsys, path, "layer_norm", forward="norm", backward="norm_backward")
    assert right, out
    right, out = verdict(capsys, path, "gelu", forward="library.gelu",
                         backward="library.gelu_backward", torch=True)
    assert not right and re.search(r"output +WRONG", out) and re.search(r"d x +right", out)
    right, out = verdict(capsys, path, "cross_entropy", forward="loss", backward="loss_backward")
    assert not right and "too large by the number of counted targets" in out, out
    with pytest.raises(ValueError, match="library.py has no function nothing"):
        sandbox.run_submission(path, "gelu", forward="nothing")


@pytest.mark.parametrize("returned, rows, words", [
    ("dx, Params((dy * xhat).mean(axes), None)", {"d x": "right", "d weight": "WRONG", "d bias": "open"},
     "1 of 4 results is wrong; 1 of 4 is open"),
    ("None, Params((dy * xhat).sum(axes), dy.sum(axes))", {"d x": "open", "d weight": "right"},
     "1 of 4 is open"),
    ("dx, None", {"d x": "right", "d weight": "open", "d bias": "open"}, "2 of 4 are open")])
def test_a_gradient_that_is_none_is_open_and_the_others_are_graded(
        here, tmp_path, capsys, returned, rows, words):
    body, _, _ = RIGHT["layer_norm"].partition("    return")
    path = fill(tmp_path, "layer_norm", f"{body}    return {returned}\n")
    right, out = verdict(capsys, path, "layer_norm")
    assert not right and out.splitlines()[-1] == words, out
    for name, judged in rows.items():
        assert re.search(rf"^{name} +{judged} ", out, re.M), out
    assert ("the mean of the rows of dy * xhat is taken, not the sum" in out) == ("mean" in returned)


@pytest.mark.parametrize("stem", ["gelu", "layer_norm"])
def test_a_backward_that_gives_no_gradient_at_all_is_refused(here, tmp_path, stem):
    with pytest.raises(ValueError, match="backward returned None; allowed: None for some gradients"):
        sandbox.run_submission(fill(tmp_path, stem, "    return None\n"), stem)


@pytest.mark.parametrize("before, after, words", [
    ("", "", "all that was exercised is right"),
    ("    dx /= N\n", "", "too large by the number of counted targets (CE-5)")])
def test_a_loss_that_comes_with_its_gradient_is_graded(
        here, tmp_path, capsys, before, after, words):
    path = tmp_path / "losses.py"
    path.write_text(LOSS_AT_ONCE.replace(before, after) if before else LOSS_AT_ONCE, encoding="utf-8")
    _, out = verdict(capsys, path, "cross_entropy", forward="softmax_loss")
    assert words in out and "forward returns the loss and its gradient, for a dloss of 1" in out, out


BARE = """
from reference import {stem}


def forward({arguments}):
    return {stem}.forward({given})


def backward(dy, cache):
    return {stem}.backward(dy, cache)
"""


@pytest.mark.parametrize("stem, arguments, given, options, unmet", [
    ("attention", "x, p, n_head", "x, p, n_head=n_head", "n_head, rate, keep", "a dropped entry"),
    ("softmax", "x", "x", "mask", "a masked entry")])
def test_what_a_layer_without_some_option_never_showed_is_told(
        here, tmp_path, capsys, stem, arguments, given, options, unmet):
    path = tmp_path / "bare.py"
    path.write_text(BARE.format(stem=stem, arguments=arguments, given=given), encoding="utf-8")
    right, out = verdict(capsys, path, stem)
    assert right and "all that was exercised is right" in out, out
    assert f"examples are left out: forward doesn't take all of the options {options}\n" \
        f"not exercised: {unmet}\n" in out


@pytest.mark.parametrize("stem", ["softmax", "attention"])
def test_the_layers_own_file_is_graded_where_it_stands(here, capsys, stem):
    assert main(["grade", str(HOUSE / path_of(stem))]) == 0
    assert "all of it is right" in capsys.readouterr().out


PACKAGE = {  # a file of it imports its neighbours and those above it
    "mine/__init__.py": "SIZE = 1\n", "mine/scales.py": "TWO = 2.0\n", "mine/layers/__init__.py": "",
    "mine/layers/gates.py": "def gate(x):\n    return x * 1.0\n",
    "mine/layers/my.linear.py": """
from .. import SIZE, scales
from .gates import gate

def forward(x, weight, bias):
    return gate(x @ weight.T) + bias * SIZE, (x, weight)

def backward(dy, cache):
    x, weight = cache
    return dy @ weight, scales.TWO / 2 * np.einsum("bto,bti->oi", dy, x), dy.sum((0, 1))
import numpy as np
"""}
COPY = {  # a folder without an __init__.py, and with the names of ours
    "reference/tools.py": "def total(a):\n    return 2 * a.sum((0, 1))\n",
    "reference/linear.py": """
from .tools import total

def forward(x, weight, bias):
    return x @ weight.T + bias, (x, weight)

def backward(dy, cache):
    x, weight = cache
    return dy @ weight, (dy[..., None] * x[..., None, :]).sum((0, 1)), total(dy)
"""}


@pytest.mark.parametrize("files, words", [
    (PACKAGE, "all of it is right"), (COPY, "dbias: no known mistake matches\n    it is the right one times 2")])
def test_a_file_finds_its_own_neighbours(here, tmp_path, capsys, files, words):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert words in verdict(capsys, tmp_path / [*files][-1], "linear")[1]


def test_what_an_exercise_says_is_there_where_one_stands(tmp_path, monkeypatch, capsys):
    (tmp_path / "my work").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["exercise", "softmax", "--output", "my work/x.py"]) == 0
    command = f"python -m compare grade {argument('my work/x.py')}"
    out = capsys.readouterr().out.splitlines()
    assert out[1].strip() == command
    assert Path(out[-1].split(" is in ")[1]).samefile(HOUSE / "reference" / "softmax.md")
    assert f"Then: {command}\n" in Path("my work/x.py").read_text(encoding="utf-8")


def test_what_a_verdict_says_to_read_is_there_where_one_stands(here, tmp_path, monkeypatch, capsys):
    path, page = fill(tmp_path, "gelu", "    return dy\n"), "reference/gelu.md"
    for place, shown in (tmp_path, (HOUSE / page).as_posix()), (HOUSE, page):
        monkeypatch.chdir(place)
        assert f"    read {shown}" in verdict(capsys, path, "gelu")[1]


def test_an_exercise_is_never_written_over_a_file(tmp_path):
    path = exercise.write_exercise("softmax", tmp_path / "mine.py")
    with pytest.raises(ValueError, match="which exists; allowed: a new name"):
        exercise.write_exercise("softmax", path)
    with pytest.raises(ValueError, match="which can't be written"):
        exercise.write_exercise("softmax", tmp_path / "missing" / "mine.py")


@pytest.mark.parametrize("layer", LAYERS.values(), ids=list(LAYERS))
def test_the_cases_show_what_a_layer_must_show(layer):
    coverage = Coverage(layer)
    for case in cases(layer):
        coverage.add(case.sizes, case.example, both.outcome(case.truth))
    assert not coverage.missing()


@pytest.mark.parametrize("stem", ["linear", "embedding", "softmax", "dropout", "cross_entropy"])
def test_the_grader_names_the_mistakes_it_knows_and_no_others(stem):
    counts = mutation.grading([stem])
    assert counts["right"] >= 5 and not counts["wrong"] and not counts["none"]
    assert not counts["unknown, named"]


@pytest.mark.parametrize("stem", ["layer_norm", "softmax", "cross_entropy"])
def test_a_mutant_that_overwrites_what_it_is_given_leaves_the_case_as_it_is(stem):
    case = cases(LAYERS[stem])[-1]
    before = copy.deepcopy((case.dy, case.ran))
    for mutant in vocabulary(stem):
        grade.run_mutant(mutant, case)
    for was, found in zip(arrays_in(before), arrays_in((case.dy, case.ran)), strict=True):
        assert np.array_equal(was, found)


@pytest.mark.parametrize("a, b, same", [
    ([1.0, 0.0], [1 + 1e-9, 0.0], True), ([1.0], [1 + 1e-7], False), ([1e-17], [0.0], True),
    ([1e-15], [0.0], False), ([np.nan, 1.0], [np.nan, 1.0], True), ([np.nan], [1.0], False),
    ([np.inf], [np.inf], True), ([np.inf], [-np.inf], False), ([np.inf], [1.0], False),
    ([1.0], [np.inf], False), ([], [], True), ([[1.0]], [1.0], False)])
def test_results_are_alike_but_for_rounding(a, b, same):
    assert grade.alike(np.array(a), np.array(b)) is same


def truth_and(change):
    """The results of attention's weight gradient with a change, as hints want them."""
    found = [case for case in cases(LAYERS["attention"]) if case.truth["d qkv.weight"].any()]
    return [(case, {"d qkv.weight": change(case, case.truth["d qkv.weight"].copy())})
            for case in found]


def zero_last(case, array):
    array[..., -1] *= 3
    return array


@pytest.mark.parametrize("change, words", [
    (lambda case, a: 2.5 * a, "it is the right one times 2.5"),
    (lambda case, a: a * case.sizes["B"] * case.sizes["T"], "it is the right one times B T"),
    (lambda case, a: a / np.sqrt(case.sizes["D"]), "it is the right one times 1 / sqrt(D)"),
    (lambda case, a: -a / case.sizes["H"] / case.sizes["D"], "it is the right one times -1 / C"),
    (lambda case, a: 0 * a, "it is zero everywhere"),
    (lambda case, a: a / 0, "it holds NaN or infinity, first at B = 1"),
    (lambda case, a: a.T, "it is the transpose of the right one"),
    (lambda case, a: a + (case.sizes["T"] > 1), "it is right where T = 1, and wrong elsewhere"),
    (lambda case, a: a + (case.example.constants["keep"] is not None),
     "it is right where there is no keep, and wrong elsewhere"),
    (zero_last, "it is right but for the last entry along axis -1"),
])
def test_hints_tell_what_can_be_told(change, words):
    with np.errstate(all="ignore"):
        assert words in " ".join(hints.tell("d qkv.weight", truth_and(change)))
