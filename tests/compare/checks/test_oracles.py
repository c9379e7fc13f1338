"""Every gradient against oracles that share no code with torch, and the oracles themselves."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compare.layers import both
from compare.checks.coverage import Coverage
from compare.layers.table import LAYERS
from compare.mutants.make import mutants
from compare.checks.trial import Trial, allowed
from strategies import seeds, drawn_sizes

every_layer = pytest.mark.parametrize("layer", LAYERS.values(), ids=list(LAYERS))


@every_layer
def test_the_complex_step_agrees_with_backward(layer):
    coverage = Coverage(layer)

    @settings(max_examples=25)
    @given(drawn_sizes(layer), seeds)
    def some_entries_agree(sizes, seed):
        trial = Trial(layer, sizes, seed)
        errors, _ = trial.complex(entries=3)
        assert max(errors.values()) <= allowed(layer, "complex"), errors
        coverage.add(sizes, trial.example, trial.ours)

    some_entries_agree()
    assert not coverage.missing()


@every_layer
@settings(max_examples=5)
@given(data=st.data())
def test_central_differences_agree_with_backward(layer, data):
    trial = Trial(layer, data.draw(drawn_sizes(layer)), data.draw(seeds))
    errors, _ = trial.central(entries=2)
    assert max(errors.values()) <= allowed(layer, "central"), errors


@every_layer
@given(data=st.data())
def test_the_adjoint_identity_holds(layer, data):
    trial = Trial(layer, data.draw(drawn_sizes(layer)), data.draw(seeds))
    errors, _ = trial.adjoint()
    assert errors["adjoint"] <= allowed(layer, "adjoint")


def test_every_oracle_sees_a_key_without_its_transpose():
    layer, sizes = LAYERS["attention"], {"B": 1, "T": 3, "H": 1, "D": 2}
    mutant, = [mutant for mutant in mutants("attention")
               if mutant.name.endswith("ATT-18: the transpose of dproducts is missing")]
    for oracle in "torch", "complex", "central", "adjoint":
        right, wrong = (Trial(layer, sizes, 0) for _ in range(2))
        with mutant.planted():
            wrong.ours = both.run_numpy(layer, wrong.example, wrong.dy)
        entries = [99] if oracle in ("complex", "central") else []
        found, wrong_found = (getattr(trial, oracle)(*entries)[0] for trial in (right, wrong))
        assert max(found.values()) <= allowed(layer, oracle)
        assert max(wrong_found.values()) > 1e-4
