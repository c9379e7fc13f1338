"""What kto.md proves: z0 shifts, desirable texts rise, and what is refused."""

import numpy as np
import pytest
from hypothesis import given

from compare.layers.table import LAYERS
from reference.labs import kto
from strategies import examples

GIVEN = {"ref_logp": np.zeros(2), "desirable": np.array([True, False]), "z0": np.array(0.0),
         "beta": 1.0, "lambda_d": 1.0, "lambda_u": 1.0}


@given(examples(LAYERS["kto"]))
def test_a_step_raises_what_is_desirable_and_nothing_else(case):
    example = case.example
    _, cache = kto.forward(*example.inputs.values(), **example.options, **example.constants)
    assert ((kto.backward(1.0, cache) < 0) == example.constants["desirable"]).all()


@given(examples(LAYERS["kto"]))
def test_only_the_distance_to_z0_counts(case):
    example = case.example
    given_ = example.options | example.constants
    loss, _ = kto.forward(example.inputs["logp"], **given_)
    moved, _ = kto.forward(example.inputs["logp"] + 1, **given_ | {"z0": given_["z0"] + 1})
    assert moved == pytest.approx(loss, rel=1e-13)


def test_what_is_far_on_either_side_is_left_alone():
    for logp in np.array([1e4, -1e4]), np.array([-1e4, 1e4]):
        loss, cache = kto.forward(logp, **GIVEN)
        assert loss in (0, 1) and not kto.backward(1.0, cache).any()


@pytest.mark.parametrize("name", ["beta", "lambda_d", "lambda_u"])
def test_a_number_that_must_be_positive_is_refused_by_name(name):
    with pytest.raises(ValueError, match=f"{name} is 0; allowed: a finite number above 0"):
        kto.forward(np.zeros(2), **GIVEN | {name: 0})


def test_no_texts_are_refused():
    none = {"ref_logp": np.zeros(0), "desirable": np.zeros(0, bool)}
    with pytest.raises(ValueError, match=r"logp has shape \(0,\); allowed: at least one entry"):
        kto.forward(np.zeros(0), **GIVEN | none)
