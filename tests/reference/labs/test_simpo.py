"""What simpo.md proves: lengths share the pull, the margin shifts, and what is refused."""

import numpy as np
import pytest
from hypothesis import given

from compare.layers.table import LAYERS
from reference.labs import dpo, simpo
from strategies import examples

GIVEN = {"chosen_length": np.array([1, 2]), "rejected_length": np.array([3, 1]),
         "beta": 2.0, "gamma": 0.5}


@given(examples(LAYERS["simpo"]))
def test_each_token_of_a_pair_is_pulled_alike(case):
    example = case.example
    _, cache = simpo.forward(*example.inputs.values(), **example.options, **example.constants)
    dchosen, drejected = simpo.backward(1.0, cache)
    tokens = [dchosen * example.constants["chosen_length"],
              -drejected * example.constants["rejected_length"]]
    np.testing.assert_allclose(*tokens, rtol=1e-14)


def test_without_lengths_and_margin_it_is_dpo_with_a_flat_reference():
    chosen, rejected = np.array([-1.0, -2.0]), np.array([-3.0, -1.0])
    ones = np.ones(2, int)
    loss, _ = simpo.forward(chosen, rejected, chosen_length=ones, rejected_length=ones,
                            beta=2.0, gamma=0.0)
    assert loss == dpo.forward(chosen, rejected, ref_chosen=np.zeros(2), ref_rejected=np.zeros(2),
                               beta=2.0)[0]


@pytest.mark.parametrize("wrong, words", [
    ({"beta": 0}, "beta is 0; allowed: a finite number above 0"),
    ({"gamma": -0.5}, "gamma is -0.5; allowed: a finite number from 0 up"),
    ({"chosen_length": np.array([1, 0])}, "the least chosen_length is 0; allowed: "),
    ({"rejected_length": np.array([1])}, r"rejected_length has shape \(1,\); allowed: \(2,\)"),
])
def test_what_is_out_of_range_is_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        simpo.forward(np.zeros(2), np.zeros(2), **GIVEN | wrong)


def test_lengths_are_whole_numbers():
    with pytest.raises(TypeError, match="chosen_length has dtype float64; allowed: "):
        simpo.forward(np.zeros(2), np.zeros(2), **GIVEN | {"chosen_length": np.ones(2)})
