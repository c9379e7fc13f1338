"""The schedule of a training: what can't work is refused."""

import pytest

from reference.train import Schedule


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"lr": -1.0}, {"beta2": 1.0}, {"clip": 0.0},
                                   {"lr": float("nan")}, {"lr": float("inf")},
                                   {"weight_decay": float("inf")}, {"clip": float("inf")}])
def test_a_schedule_that_cannot_work_is_refused(wrong):
    (name, value), = wrong.items()
    with pytest.raises(ValueError, match=f"{name} is {value}; allowed: from "):
        Schedule(**wrong)
