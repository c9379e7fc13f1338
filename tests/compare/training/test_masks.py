"""Dropout in training: masks of its own for each step and each process, and none in evaluation."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from chance import hold_random, in_rows
from compare.training import torch_side
from compare.training.job import Batches, Job
from reference import gpt
from reference.train import Schedule
from torch_impl.dropout import Dropout

RATE, B = 0.3, 16


def job(steps):
    ids = np.random.default_rng(0).integers(0, 5, 99)
    config = gpt.Config(5, 4, 2, 2, 4, dropout=RATE)
    return Job(config, Schedule(steps=steps), B, 0, "float64", None, train_ids=ids, valid_ids=ids)


def test_the_masks_of_numpys_steps_are_random():
    batches = Batches(job(1))
    hold_random(np.concatenate([in_rows(next(batches)[2]) for _ in range(25)]), RATE)


place = st.tuples(st.integers(0, 2**22 - 1), st.integers(0, 2**10 - 1))


@given(st.integers(0, 2**70), place, place)
def test_a_step_of_a_process_has_a_seed_of_its_own(seed, one, other):
    seeds = [torch_side.mask_seed(seed, *at) for at in (one, other)]
    assert all(0 <= s < 2**64 for s in seeds)
    # torch's generator on a CPU takes the lower 32 bits
    assert (seeds[0] % 2**32 == seeds[1] % 2**32) == (one == other)
    assert torch_side.mask_seed(seed + 1, *one) != seeds[0]


def test_the_masks_of_torchs_steps_and_processes_are_random():
    def masks(index, rank):
        torch.manual_seed(torch_side.mask_seed(0, index, rank))
        return Dropout(RATE)(torch.ones(300)).numpy() != 0
    hold_random(np.array([masks(*at) for at in np.ndindex(100, 4)]), RATE)


def test_torch_trains_with_dropout_from_the_seed_of_the_step_and_evaluates_without():
    steps, rows = 25, []
    side = torch_side.TorchSide(job(steps))

    def watch(drop, inputs, y):
        rows.append(y.detach().numpy() != 0)

    side.model.drop.register_forward_hook(watch)
    batches = Batches(job(steps))
    for step in side.steps(batches):
        torch.manual_seed(torch_side.mask_seed(0, step.index, 0))
        first = Dropout(RATE)(torch.ones(rows[-1].shape, dtype=torch.float64))
        assert np.array_equal(first.numpy() != 0, rows[-1])
        if step.index in (0, 10):
            side.evaluate([next(batches)[:2]])
            assert rows.pop().all()
    assert len(rows) == steps
    hold_random(np.array(rows).reshape(B * steps, -1), RATE)
