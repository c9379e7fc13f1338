"""The lab positions: its two tasks, and that its models differ in one thing."""

import math

import numpy as np
import pytest

from compare.labs import positions
from compare.labs.positions import ALIKE, BACK, KINDS, TABLE, TRAINED
from reference.tools import tree

TOKENS = np.array([[5, 1, 4, 2, 6], [3, 3, 0, 7, 1]])


def test_the_target_is_the_token_3_back():
    assert positions.told_back(TOKENS).tolist() == [[-100] * 3 + [5, 1], [-100] * 3 + [3, 3]]


def test_accuracy_is_a_share_of_the_texts_at_each_place():
    logits = np.eye(8)[TOKENS]
    assert positions.accuracy_by_place(logits, np.array([[5, 1, 4, 0, -100]] * 2)).tolist() == [
        0.5, 0.5, 0.5, 0, 0]


def test_22_back_is_the_first_to_look_most_like_3_back_and_was_never_learned_with():
    apart = {k: abs(math.remainder(k - BACK, 2 * math.pi))
             for k in range(ALIKE + 1) if k != BACK}  # by the fastest turn, 1 radian a place
    assert min(apart, key=apart.get) == ALIKE >= TRAINED


@pytest.mark.parametrize("side", ["numpy", "torch"])
def test_the_kinds_differ_in_their_positions_alone_and_what_is_fixed_stays(side):
    tables, starts = {}, {}
    for kind in KINDS:
        learner, _ = positions.trained_by_kind(side, 0, kind, 0)
        start = dict(tree.walk(learner.params))
        learner, losses = positions.trained_by_kind(side, 0, kind, 2)
        moved = {name for name, array in tree.walk(learner.params)
                 if not np.array_equal(array, start[name])}
        assert len(set(losses)) == 2
        assert (TABLE in moved) == (kind == "learned")
        assert {*start} - moved - {TABLE} == {name for name in start
                                              if "attention" in name and name.endswith("bias")}
        tables[kind], starts[kind] = start.pop(TABLE), start
    assert not tables["none"].any() and not tables["rotary"].any()
    assert abs(tables["sinusoidal"].std() / tables["learned"].std() - 1) < 0.5
    for name, array in starts["none"].items():
        for kind in KINDS[1:] if "attention" not in name else KINDS[1:3]:
            assert np.array_equal(array, starts[kind][name])
