"""The mutants: what people get wrong in transformers is among them, and is caught."""

import ast

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from compare.layers import both
from compare.layers.table import LAYERS
from compare.grading.cases import cases
from compare.grading.grade import alike, outcome_of
from compare.mutants import by_hand, known
from compare.mutants.make import TARGETS, functions_of, hand_made, mutants, with_lines
from compare.layers.source import tags
from compare.checks.trial import Trial
from strategies import seeds, drawn_sizes


def mutant_named(name):
    found, = [m for m in mutants(name.split(".")[0]) if m.name == name]
    return found


def fails_the_check(mutant):
    """Whether the agreement of test_layers.py, on its own examples, fails with the mutant."""
    @settings(phases=[Phase.generate])  # the first failure is enough
    @given(data=st.data())
    def agrees(data):
        trial = Trial(LAYERS[mutant.stem], data.draw(drawn_sizes(LAYERS[mutant.stem])), data.draw(seeds))
        assert max(trial.torch()[0].values()) <= trial.bound

    with mutant.planted():
        try:
            agrees()
        except AssertionError:
            return True
    return False


def test_the_keys_gradient_left_untransposed_is_caught():
    assert fails_the_check(mutant_named(
        "attention.backward ATT-18: the transpose of dproducts is missing"))


def test_the_tied_heads_share_dropped_is_caught():
    assert fails_the_check(mutant_named("gpt.backward LM-12: the term dhead is left out"))


def test_the_values_gradient_that_ignores_the_dropout_mask_is_caught():
    assert fails_the_check(mutant_named(
        "attention.backward ATT-13: cache.softmax.y stands in place of cache.weights"))


@pytest.mark.parametrize("name", ["dq", "dk", "dv"])
def test_a_path_out_of_the_fan_out_of_attention_left_out_is_caught(name):
    assert fails_the_check(mutant_named(f"attention.backward ATT-19: {name} is left at zero"))


def test_a_loss_gradient_too_large_by_the_number_of_tokens_is_caught():
    assert fails_the_check(mutant_named(
        "cross_entropy.backward CE-5: the division by int(counted.sum()) is left out"))


def test_the_right_code_passes_the_same_check():
    right = mutant_named("cross_entropy.backward CE-5: the factor counted is squared")
    assert right.reason and not fails_the_check(right)


@pytest.mark.parametrize("stem, wrong", [
    ("softmax", "softmax.backward SM-5: the sign of the result is flipped"),
    ("layer_norm", "layer_norm.backward LN-7: the factor weight is left out")])
def test_a_cotangent_of_ones_or_a_weight_of_one_would_hide_it(stem, wrong):
    layer = LAYERS[stem]
    example = layer.example({letter: 4 for letter in layer.letters}, 0)
    drawn = both.draw_cotangent(layer, example, 0)
    if stem == "softmax":
        blind, seeing = (example, np.ones_like(drawn)), (example, drawn)
    else:
        plain = example.astype("float64")
        plain.params.weight[:] = 1
        blind, seeing = (plain, drawn), (example, drawn)
    for (case, dy), is_seen in (blind, False), (seeing, True):
        right = both.run_numpy(layer, case, dy).gradients["x"]
        with mutant_named(wrong).planted():
            found = both.run_numpy(layer, case, dy).gradients["x"]
        assert (np.abs(found - right).max() > 1e-3) == is_seen


@pytest.mark.parametrize("stem", TARGETS)
def test_mutants_are_wrong_versions_of_the_source_each_with_its_own_name(stem):
    found = mutants(stem)
    assert len({m.name for m in found}) == len({ast.unparse(m.tree) for m in found}) == len(found)
    _, right = functions_of(stem)
    assert all(ast.unparse(m.tree) != ast.unparse(right[m.function]) for m in found)


@pytest.mark.parametrize("stem", TARGETS)
def test_a_mutant_carries_tags_of_its_own_function_only(stem):
    lines, functions = functions_of(stem)
    for mutant in mutants(stem):
        own = functions[mutant.function]
        inside = {tag for line in lines[own.lineno - 1 : own.end_lineno] for tag in tags(line)}
        assert set(filter(None, mutant.tag.split(", "))) <= inside, mutant.name


def test_a_line_in_a_loop_belongs_to_the_equation_of_the_loop():
    assert mutant_named("gpt.backward LM-9: the order of dblocks is reversed")


def test_every_kind_of_edit_is_tried():
    words = " ".join(m.name for stem in TARGETS for m in mutants(stem))
    for kind in ("the term", "the sign of", "the factor", "is squared", "the division by",
                 "the transpose of", "is transposed, and should not be", "is taken, not the sum",
                 "is taken, not the mean", "takes the axis", "stands in place of cache.",
                 "its mask is ignored", "which belongs to the caller, is overwritten",
                 "is skipped", "is left at zero", "is not told", "the line", "only the last is added", "exchanged"):
        assert kind in words, kind


def test_whatever_is_known_of_a_mutant_is_of_one_that_there_is():
    names = {m.name for stem in TARGETS for m in mutants(stem) + hand_made(stem)}
    assert set(known.MEANINGS) | set(known.EQUIVALENT) <= names
    assert {stem for stem, *_ in by_hand.HAND_MADE} <= set(LAYERS)


def made_by_hand(function):
    """Return the marks of a test that takes every mistake made by hand in one function."""
    return pytest.mark.parametrize(
        "mutant", [m for stem in LAYERS for m in hand_made(stem) if m.function == function],
        ids=lambda mutant: mutant.name)


@made_by_hand("forward")
def test_a_mistake_made_by_hand_gives_a_wrong_output_and_no_error(mutant):
    layer = LAYERS[mutant.stem]
    examples = [case.example for case in cases(layer)[-8:]]
    right = [both.forward(layer, example)[0] for example in examples]
    with mutant.planted():
        wrong = [both.forward(layer, example)[0] for example in examples]
    assert not all(map(np.array_equal, right, wrong))


@made_by_hand("backward")
def test_a_mistake_made_by_hand_gives_wrong_gradients_and_no_error(mutant):
    made = [(case, outcome_of(mutant, case)) for case in cases(LAYERS[mutant.stem])[-8:]]
    assert None not in [outcome for _, outcome in made]
    assert any(not alike(array, case.truth[name]) for case, outcome in made
               for name, array in outcome.items())


def test_a_tag_that_no_line_carries_is_refused():
    with pytest.raises(ValueError, match="no statement of softmax.backward carries SM-9"):
        with_lines("softmax", {"SM-5": "return dy", "SM-9": "return dy"})


def test_names_that_may_be_exchanged_are_names_of_adamw():
    _, functions = functions_of("adamw")
    there = {getattr(node, "id", getattr(node, "arg", None)) for target in TARGETS["adamw"]
             for node in ast.walk(functions[target])}
    assert set().union(*known.ALIKE) <= there
