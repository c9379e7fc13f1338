"""What dpo.md proves: opposite gradients, no overflow, and what is refused."""

import math

import numpy as np
import pytest
from hypothesis import given

from compare.layers.table import LAYERS
from reference.labs import dpo
from strategies import examples

REF = {"ref_chosen": np.zeros(2), "ref_rejected": np.zeros(2)}


@given(examples(LAYERS["dpo"]))
def test_what_the_chosen_text_gains_the_rejected_one_loses(case):
    example = case.example
    _, cache = dpo.forward(*example.inputs.values(), **example.options, **example.constants)
    dchosen, drejected = dpo.backward(1.0, cache)
    assert (dchosen < 0).all() and (drejected == -dchosen).all()


@pytest.mark.parametrize("gap, cost, slope", [
    (1e5, 0, 0), (-1e5, 1e5, 0.5), (0, math.log(2), 0.25)])
def test_far_apart_it_costs_the_distance_or_nothing(gap, cost, slope):
    loss, cache = dpo.forward(np.full(2, float(gap)), np.zeros(2), **REF, beta=1.0)
    assert loss == pytest.approx(cost, rel=1e-15)
    np.testing.assert_array_equal(dpo.backward(1.0, cache)[0], [-slope, -slope])


@pytest.mark.parametrize("beta", [0, -1.0, math.inf, math.nan])
def test_a_beta_out_of_range_is_refused(beta):
    with pytest.raises(ValueError, match=f"beta is {beta}; allowed: a finite number above 0"):
        dpo.forward(np.zeros(2), np.zeros(2), **REF, beta=beta)


def test_no_pairs_are_refused():
    none = np.zeros(0)
    with pytest.raises(ValueError, match=r"chosen has shape \(0,\); allowed: at least one entry"):
        dpo.forward(none, none, ref_chosen=none, ref_rejected=none, beta=1.0)
