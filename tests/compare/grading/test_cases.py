"""The examples to grade on: what they show, and that most are of the usual kind."""

import inspect

import numpy as np
import pytest

from compare.grading.cases import cases
from compare.grading.submission import is_default
from compare.layers.table import LAYERS
from submissions import RIGHT, fill, here, verdict  # noqa: F401, here is a fixture


def required(layer):
    """Return the names of what forward has no default for."""
    given = inspect.signature(layer.numpy.forward).parameters
    return {name for name, one in given.items() if one.default is one.empty}


@pytest.mark.parametrize("layer", LAYERS.values(), ids=list(LAYERS))
def test_code_that_knows_no_options_is_graded_on_most_examples(layer):
    taken = required(layer) | ({"rate"} if layer.stem == "dropout" else set())
    every = cases(layer)
    left = [case for case in every if is_default(layer, case.example, taken)]
    assert len(left) >= 0.6 * len(every)
    assert max(case.dy.size for case in left) == max(case.dy.size for case in every)


@pytest.mark.parametrize("layer", LAYERS.values(), ids=list(LAYERS))
def test_of_a_usual_example_nothing_but_its_options_is_another(layer):
    for case in cases(layer):
        drawn = layer.example(case.sizes, case.seed)
        if case.usual and layer.stem != "cross_entropy":  # it counts the targets it ignored
            assert all(np.array_equal(a, drawn.inputs[name])
                       for name, a in case.example.inputs.items())
            assert all(constant is None or name in required(layer)
                       for name, constant in case.example.constants.items())


def test_a_backward_that_is_right_up_to_size_5_is_caught(here, tmp_path, capsys):  # noqa: F811
    body = RIGHT["linear"].replace("x, weight = cache", "x, weight = cache\n    dy = dy[:, :, :5]"
                                   " if dy.shape[2] < 6 else dy * 2")
    right, out = verdict(capsys, fill(tmp_path, "linear", body), "linear")
    assert not right and "first at B = 9, T = 9, I = 9, O = 9" in out, out
