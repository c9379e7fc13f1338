"""Code in other forms than ours: right is right, wrong is wrong, and what was guessed is said."""

import pytest

import compare.grading.verdict
import foreign
from compare.grading import cases, sandbox
from compare.grading.readings import by_kind, kind_of_name
from submissions import RIGHT, fill, here, verdict  # noqa: F401, here is a fixture

OBJECT, TURNED = "parameters and gradients are attributes of an object", "weights are (in, out)"
ROWS = "inputs are rows, with two axes"
BARE = "there is no bias: ours is 0, and its gradient is not asked for"
INTO = "results are written into the arrays that are given"
NAMES = "the parameters come by their names"
TENSORS = "its arrays are tensors of torch"
NORM = {"forward": "layernorm_forward", "backward": "layernorm_backward"}
AFFINE = {"forward": "affine_forward", "backward": "affine_backward"}
LEFT_OUT = "dnorm_norm_mean)"
WHOLE = f"{LEFT_OUT[:-1]} - sum(weight * dout[b, t]) / C)"
STYLES = [  # (text, layer, names of its functions, what is guessed, what is right, what is wrong)
    (foreign.AFFINE, "linear", AFFINE, [TURNED, ROWS], "-1).T @ dout", "-1).T @ -dout"),
    (foreign.LAYERNORM_C.replace(LEFT_OUT, WHOLE), "layer_norm", NORM, [INTO],
     "dbias[i] +=", "dbias[i] ="),
    (foreign.ROWS_NORM, "layer_norm", {}, [ROWS], " - xhat *", " + xhat *"),
    (foreign.ROWS_LOSS, "cross_entropy", {}, [ROWS], " / len(y)", ""),
    (foreign.DENSE, "linear", {}, [OBJECT, TURNED, ROWS], "return accum", "return -accum"),
    (foreign.LAZY, "linear", {}, [OBJECT, TURNED, ROWS], '["W"] += ', '["W"] -= '),
    (foreign.TWO_LAYERS, "mlp", {}, [OBJECT, TURNED], "self.db1 = np.ein", "self.db1 = 2 * np.ein"),
    (foreign.BY_NAME, "linear", {}, [NAMES, TURNED], "dy @ W.T", "2 * dy @ W.T"),
    (foreign.NO_BIAS, "linear", {}, [BARE], "dy @ weight,", "-dy @ weight,"),
    (foreign.GELU_C, "gelu", {}, [INTO], "(1 - t * t)", "(1 - t)"),
    (foreign.MODULE, "attention", {}, [OBJECT], None, None),
    (foreign.TENSORS, "layer_norm", {}, [TENSORS], None, None)]


@pytest.fixture
def some(here, monkeypatch):  # noqa: F811
    """A fifth of the examples, the large one among them: the form is the same in all."""
    def fewer(layer):
        every = cases.cases(layer)
        return [case for case in every if case.usual][::4] + every[-8:-6]
    monkeypatch.setattr(sandbox, "cases", fewer)
    monkeypatch.setattr(compare.grading.verdict, "cases", fewer)


@pytest.mark.parametrize("text, stem, names, guessed, right, wrong", STYLES)
def test_other_forms_are_read_and_said_once(some, tmp_path, capsys, text, stem, names, guessed,
                                            right, wrong):
    path = tmp_path / "other.py"
    path.write_text(text, encoding="utf-8")
    passed, out = verdict(capsys, path, stem, **names)
    assert passed and f"other.py is read so: {'; '.join(guessed)}\n" in out, out
    assert out.count("is read so") == 1
    if right:
        assert right in text
        path.write_text(text.replace(right, wrong), encoding="utf-8")
        passed, out = verdict(capsys, path, stem, **names)
        assert not passed and out.count("WRONG") == 1 and "right" in out, out


def test_torch_is_right_where_a_gradient_is_0_but_for_rounding(here, tmp_path, capsys):  # noqa: F811
    path = tmp_path / "other.py"
    path.write_text(foreign.TENSORS, encoding="utf-8")
    passed, out = verdict(capsys, path, "layer_norm")  # on all examples: at C = 1 it is so
    assert passed, out


def test_the_examples_of_the_readme_are_one_mistake_apart(some, tmp_path, capsys):
    path = tmp_path / "other.py"
    path.write_text(foreign.LAYERNORM_C, encoding="utf-8")
    passed, out = verdict(capsys, path, "layer_norm", **NORM)
    assert not passed and "when the path through the mean is left out (LN-8)" in out, out


def test_of_an_exercise_nothing_is_guessed(some, tmp_path):
    wrong = RIGHT["linear"].replace('np.einsum("bto,bti->oi", dy, x)', "dy.T @ x")  # right of rows
    with pytest.raises(ValueError, match=r"backward raised ValueError: .* \(linear_exercise.py, line"):
        sandbox.run_submission(fill(tmp_path, "linear", wrong), "linear")


@pytest.mark.parametrize("text, words", [
    (foreign.TWO_LAYERS.replace("self.dW2", "self.q"), "there is no gradient of W2; allowed: an attr"),
    (foreign.TWO_LAYERS.replace("d_model)", "foo)", 1), "FeedForward wants foo; allowed: what a size"),
    (foreign.TWO_LAYERS.replace("def backward", "def back"), "FeedForward has no backward; allowed:"),
    (foreign.TWO_LAYERS + foreign.LAZY, "the classes FeedForward, FullyConnected have a forward; all"),
    (foreign.MODULE, "other.py has no function nothing; allowed: a file that defines both functions")])
def test_what_cant_be_read_is_one_sentence(some, tmp_path, text, words):
    path = tmp_path / "other.py"
    path.write_text(text, encoding="utf-8")
    names = {"forward": "nothing"} if text == foreign.MODULE else {}
    with pytest.raises(ValueError) as caught:
        sandbox.run_submission(path, "mlp", **names)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_a_forward_that_is_another_function_is_read_all_the_same(some, tmp_path, capsys):
    path = tmp_path / "other.py"
    path.write_text(foreign.TWO_LAYERS.replace("(1 + self.t)", "(2 + self.t)"), encoding="utf-8")
    passed, out = verdict(capsys, path, "mlp")
    assert not passed and OBJECT in out, out
    assert "output: this forward is not that of the reference" in out, out


@pytest.mark.parametrize("name, kind", [
    ("W", ("weight", 0)), ("w0", ("bias", 0)), ("W1", ("weight", 1)), ("db_2", ("bias", 2)),
    ("gamma", ("weight", 0)),
    ("dbeta", ("bias", 0)), ("grad_W", ("weight", 0)), ("W_grad", ("weight", 0)), ("W_qkv", ("weight", 0)),
    ("x", (None, 0)), ("out", (None, 0)), ("d", (None, 0))])
def test_names_of_weights_and_biases_are_known(name, kind):
    assert kind_of_name(name) == kind


def test_numbers_order_what_has_one_kind():
    leaves = ["up.weight", "up.bias", "down.weight", "down.bias"]
    assert by_kind(["b2", "b1", "W2", "W1"], leaves) == {
        "b1": "up.bias", "b2": "down.bias", "W1": "up.weight", "W2": "down.weight"}
