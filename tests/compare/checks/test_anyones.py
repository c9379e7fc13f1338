"""gradcheck FILE: what it draws, the verdict, the exit code; what can't be judged is one sentence."""

import numpy as np
import pytest

from compare.__main__ import main
from compare.checks import anyones
from compare.checks.drawing import DrawnSizes, draw_argument
from compare.checks.nests import Unfit
from submissions import run_inside

TANH = """
import numpy as np
SHAPES = {"x": "B T C", "scale": "C"}


def forward(x, scale, power=1.0):
    return np.tanh(x) * scale**power


def backward(dy, x, scale, power=1.0):
    back = (dy * np.tanh(x)).sum((0, 1)) * power * scale ** (power - 1)
    return dy * scale**power * (1 - np.tanh(x) ** 2), back
"""
LOOKUP = """
import numpy as np
SHAPES = {"table": "V C", "ids": "B T+1 < V", "keep": "B T+1 bool", "gain": "> 0"}
OPTIONS = {"times": "C", "mode": "sum"}


class forward:
    def __init__(self, times, mode):
        assert mode == "sum" and isinstance(times, int)
        self.times = times

    def forward(self, table, ids, keep, gain):
        assert gain > 0 and ids.max() < len(table) and keep.dtype == bool
        self.seen = table, ids, keep, gain
        return table[ids] * keep[..., None] * np.log(gain) * self.times

    def backward(self, dy):
        table, ids, keep, gain = self.seen
        dtable = np.zeros_like(table)
        np.add.at(dtable, ids, dy * keep[..., None] * np.log(gain) * self.times)
        return dtable, (dy * table[ids] * keep[..., None]).sum() / gain * self.times
"""
MADE = """
import numpy as np


def example(rng, sizes):
    return (rng.standard_normal((sizes["N"], sizes["I"])),)


class Layer:
    def __init__(self, I, O):
        self.W = np.zeros((I, O))

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dy):
        self.dW = self.x.T @ dy / len(dy)
        return dy @ self.W.T


def layer(sizes):
    return Layer(sizes["I"], sizes["O"])
"""


@pytest.fixture
def gradcheck_of(tmp_path, monkeypatch, capsys):
    """A command gradcheck on a text, inside this process; returns its exit code and what it says."""
    monkeypatch.setattr(anyones, "start_apart",
                        lambda module, folder, *_: run_inside(anyones.main, folder))

    def run(text, *words):
        (tmp_path / "mine.py").write_text(text, encoding="utf-8")
        code = main(["gradcheck", str(tmp_path / "mine.py"), *words])
        said = capsys.readouterr()
        return code, said.out + said.err
    return run


def test_a_right_file_passes_and_a_wrong_one_is_shown_where_it_is_smallest(gradcheck_of):
    code, said = gradcheck_of(TANH)
    assert code == 0 and "both gradients are right" in said
    assert "mine.py: 19 examples, the smallest at B = 1, T = 1, C = 1, the largest at B = " in said
    code, said = gradcheck_of(TANH.replace(".sum((0, 1))", ".mean((0, 1))"))
    assert code == 1 and "d x      right" in said and "1 of 2 gradients is wrong" in said
    assert "it is the right one times 1 / (B T)\n    first at B = " in said


def test_a_function_of_another_name_and_one_that_is_right_where_a_size_is_1(gradcheck_of):
    other = TANH.replace("def forward", "def f").replace("def backward", "def g")
    assert gradcheck_of(other, "--forward", "f", "--backward", "g")[0] == 0
    code, said = gradcheck_of(TANH.replace("dy * scale**power * (1", "dy[:1] + 0 * dy * scale * (1"))
    assert code == 1 and "d x      WRONG" in said
    code, said = gradcheck_of(TANH.replace("(dy * np.tanh(x))", "(dy * np.tanh(x[:, :1]))"))
    assert code == 1 and "it is right where T = 1" in said


def test_integers_masks_positive_numbers_options_and_classes(gradcheck_of):
    code, said = gradcheck_of(LOOKUP)
    assert code == 0 and "d table" in said and "d gain" in said and "never shown" not in said


def test_an_object_for_each_example(gradcheck_of):
    code, said = gradcheck_of(MADE)
    assert code == 1 and "d x  right" in said and "it is the right one times 1 / N" in said
    assert gradcheck_of(MADE.replace(" / len(dy)", ""))[0] == 0


def test_torch_tensors(gradcheck_of):
    text = TANH.replace("import numpy as np", "import torch").replace("np.", "torch.")
    code, said = gradcheck_of(text, "--torch")
    assert code == 0 and "autograd" in said


@pytest.mark.parametrize("old, new, words", [
    ("SHAPES", "SHAPE", "SHAPES is missing; allowed: SHAPES = {"),
    ('"B T C"', "3", 'SHAPES["x"] is 3; allowed: words such as "B T C"'),
    ('"B T C"', '"B T <"', 'SHAPES["x"] is "B T <"; allowed'),
    ('"B T C"', '"B, T"', 'SHAPES["x"] is "B, T"; allowed'),
    ('"scale": "C"', '"scale": "T 7"', "mine.py raised ValueError: operands could not be broadcast"),
    ("def backward", "def back", "mine.py has no backward; allowed: a file with forward and backward"),
    ("    return np.tanh(x) *", "    raise NotImplementedError\n    return", "is not filled in yet"),
    ("    return np.tanh(x) *", "    1 / 0\n    return", "mine.py raised ZeroDivisionError: division by "
     "zero (mine.py, line 7) (at B = 1, T = 1, C = 1)"),
    ("    return np.tanh(x) *", "    return np.random.rand() *", "forward isn't deterministic"),
    ("    return np.tanh(x) *", "    x += 1\n    return", "forward changes x; allowed"),
    ("    return np.tanh(x) * scale**power", "    return [x]", "forward returns a list of 1; allowed"),
    ("SHAPES =", "def example(rng, sizes):\n    sizes['B'] = 2\nSHAPES =", "sizes is changed at B; allowed"),
    ("import numpy", "import nonesuch, numpy", "importing it raised ModuleNotFoundError"),
])
def test_what_can_not_be_judged_is_one_sentence(gradcheck_of, old, new, words):
    code, said = gradcheck_of(TANH.replace(old, new))
    assert code == 2 and words in said, said
    assert said.startswith("error: ") and said.count("\n") == 1


def test_a_file_that_is_not_there_is_one_sentence(capsys):
    assert main(["gradcheck", "nowhere.py"]) == 2
    assert "which is no file; allowed: a Python file" in capsys.readouterr().err


def test_an_endless_loop_is_ended(tmp_path, capsys):
    (tmp_path / "loop.py").write_text("print('here', flush=True)\nwhile True:\n    pass\n")
    assert main(["gradcheck", str(tmp_path / "loop.py"), "--seconds", "1"]) == 2
    assert "loop.py had not returned after 1 s, perhaps an endless loop" in capsys.readouterr().err


def test_sizes_are_drawn_from_1_up_and_the_same_for_each_letter():
    rng, seen = np.random.default_rng(0), set()
    for seed in range(30):
        sizes = DrawnSizes(seed, 3)
        drawn = draw_argument("x", "B 2*B T+1 4", sizes, rng)
        assert drawn.shape == (sizes["B"], 2 * sizes["B"], sizes["T"] + 1, 4)
        seen |= {(sizes["B"], sizes["T"])}
    assert {size for pair in seen for size in pair} == {1, 2, 3} and len(seen) > 5
    with pytest.raises(Unfit, match="sizes is changed at B"):
        sizes["B"] = 2
