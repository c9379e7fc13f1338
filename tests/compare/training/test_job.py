"""What a training feeds on: masks of its own for each step, and the validation text."""

import numpy as np
import pytest

from chance import hold_random, in_rows
from compare.training import job
from reference import gpt
from reference.train import Schedule

RATE, B, S = 0.3, 16, 4
IDS = np.random.default_rng(0).integers(0, 5, 99)
JOB = job.Job(gpt.Config(5, S, 2, 2, 4, dropout=RATE), Schedule(steps=1), B, 0, "float64", None,
              train_ids=IDS, valid_ids=np.arange(2 * B * S + 3))


def test_the_masks_of_the_steps_are_random():
    batches = job.Batches(JOB)
    hold_random(np.concatenate([in_rows(next(batches)[2]) for _ in range(25)]), RATE)


def test_a_target_is_the_token_that_follows():
    pairs, batches = set(zip(IDS[:-1], IDS[1:])), job.Batches(JOB)
    tokens, targets, _ = next(batches)
    assert all(map(np.array_equal, batches.last, (tokens, targets)))  # to be looked at again
    assert tokens.shape == targets.shape == (B, S)
    assert (tokens[:, 1:] == targets[:, :-1]).all() and {*zip(tokens.flat, targets.flat)} <= pairs


@pytest.mark.parametrize("most", [0, 1, 2, 3, 4, None])
def test_a_validation_is_the_beginning_of_its_text_or_all_of_it(most):
    batches = list(job.validation(JOB, most))
    seen = np.concatenate([[]] + [tokens.ravel() for tokens, _ in batches])
    covered = 2 * B * S + 2 if most in (3, 4, None) else most * B * S
    assert seen.tolist() == list(range(covered))
    assert len(batches) == (3 if most in (3, 4, None) else most)
