"""torch in training: dropout in training alone, with masks of its own for each step and process;
and what a GPU is used for, as far as a CPU can show it: products in bfloat16."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from chance import hold_random
from compare.training import torch_side
from compare.training.job import Batches, Job
from reference import gpt
from reference.train import Schedule
from torch_impl.dropout import Dropout

UNIT = 2.0**-8  # the largest rounding of a number in bfloat16, relative to it


def test_autocast_rounds_the_products_and_nothing_else():
    ids = np.cumsum(np.random.default_rng(0).integers(1, 3, 2000)) % 20  # something to learn
    job = Job(gpt.Config(20, 8, 2, 2, 16), Schedule(steps=40, lr=1e-2, warmup=5), 8, 0, "float32",
              None, train_ids=ids, valid_ids=ids)
    plain, rounded = (torch_side.TorchSide(job, autocast=autocast) for autocast in (False, True))
    tokens, dtypes = torch.from_numpy(next(Batches(job))[0]), {}
    for name in "norm_1", "mlp.up":
        rounded.model.blocks[0].get_submodule(name).register_forward_hook(
            lambda _, inputs, y, name=name: dtypes.update({name: y.dtype}))
    with torch.no_grad():
        truth, found = plain.runs(tokens), rounded.runs(tokens)
    assert found.dtype == torch.float32
    assert dtypes == {"norm_1": torch.float32, "mlp.up": torch.bfloat16}
    # the head rounds both factors and the product; what is below it adds less
    assert 0 < (found - truth).abs().max() <= 3 * UNIT * truth.abs().max()

    losses = [[step.loss for step in side.steps(Batches(job))] for side in (plain, rounded)]
    assert losses[1][-1] < 0.5 * losses[1][0]
    # a step's loss is the mean over 64 tokens, whose errors have either sign
    assert 0 < np.abs(np.subtract(*losses)).max() <= UNIT
    for p in rounded.model.parameters():
        state = rounded.optimizer.state[p]
        assert {p.dtype, p.grad.dtype, state["exp_avg"].dtype, state["exp_avg_sq"].dtype} == {
            torch.float32}


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
        return Dropout(0.3)(torch.ones(300)).numpy() != 0
    hold_random(np.array([masks(*at) for at in np.ndindex(100, 4)]), 0.3)


def test_torch_trains_with_dropout_from_the_seed_of_the_step_and_evaluates_without():
    B, rate, steps, rows = 16, 0.3, 25, []
    ids = np.random.default_rng(0).integers(0, 5, 99)
    job = Job(gpt.Config(5, 4, 2, 2, 4, dropout=rate), Schedule(steps=steps), B, 0, "float64", None,
              train_ids=ids, valid_ids=ids)
    side = torch_side.TorchSide(job)
    side.model.eval()  # whatever was done before

    def watch(drop, inputs, y):
        rows.append(y.detach().numpy() != 0)

    side.model.drop.register_forward_hook(watch)
    batches = Batches(job)
    for step in side.steps(batches):
        torch.manual_seed(torch_side.mask_seed(0, step.index, 0))
        first = Dropout(rate)(torch.ones(rows[-1].shape, dtype=torch.float64))
        assert np.array_equal(first.numpy() != 0, rows[-1])
        if step.index in (0, 10):
            side.evaluate([next(batches)[:2]])
            assert rows.pop().all()
    assert len(rows) == steps
    hold_random(np.array(rows).reshape(B * steps, -1), rate)


def small(steps):
    """A job without dropout."""
    ids = np.random.default_rng(1).integers(0, 5, 99)
    return Job(gpt.Config(5, 4, 1, 2, 4), Schedule(steps=steps, warmup=1), 6, 0, "float64", None,
               train_ids=ids, valid_ids=ids)


def cost(side, tokens, targets):
    """The mean loss of a batch, spelled out."""
    logp = side.model(torch.from_numpy(tokens)).log_softmax(-1)
    return -logp.gather(-1, torch.from_numpy(targets)[..., None]).mean().item()


def test_a_process_takes_its_share_and_tells_the_mean_over_all(monkeypatch):
    side = torch_side.TorchSide(small(1))
    monkeypatch.setattr(torch_side, "processes", lambda: 3)
    monkeypatch.setattr(torch_side, "rank", lambda: 1)
    side.over_processes = lambda number, operation: number + 10.0  # of the two others
    tokens, targets, _ = next(Batches(small(1)))
    own = cost(side, tokens[1::3], targets[1::3])
    step, = side.steps(Batches(small(1)))
    assert abs(step.loss - (own + 10.0) / 3) <= 1e-13


def test_it_evaluates_the_targets_that_follow_the_tokens():
    side = torch_side.TorchSide(small(1))
    tokens, targets, _ = next(Batches(small(1)))
    assert abs(side.evaluate([(tokens, targets)]) - cost(side, tokens, targets)) <= 1e-13


def test_a_job_that_was_begun_goes_on_at_its_step():
    job = small(5)
    whole = list(torch_side.TorchSide(job).steps(Batches(job)))
    side, batches = torch_side.TorchSide(job), Batches(job)
    first = [step for _, step in zip(range(2), side.steps(batches))]
    params, state = side.snapshot()
    start = SimpleNamespace(params=params, state=state, generators=batches.states())
    rest = dataclasses.replace(job, start=start)
    assert first + list(torch_side.TorchSide(rest).steps(Batches(rest))) == whole


def learning(done=0, **values):
    """A job of a text with something to learn, after so many updates."""
    ids = np.cumsum(np.random.default_rng(0).integers(1, 3, 200)) % 5
    made = Job(gpt.Config(5, 4, 1, 1, 4), Schedule(steps=9), 2, 0, "float64", None, train_ids=ids,
               valid_ids=ids, **values)
    return made if not done else SimpleNamespace(**vars(made) | {"done": done})


def test_each_batch_of_an_update_has_masks_of_its_own_and_goes_on_with_them():
    side = torch_side.TorchSide(learning(accumulate=3))
    side.job = learning(done=2, accumulate=3)
    seeds = [torch.initial_seed() for _, _ in zip(side.own(iter([(np.zeros((2, 4), int),) * 3] * 4)),
                                                  range(4))]
    assert seeds == [torch_side.mask_seed(0, index, 0) for index in (6, 7, 8, 9)]


def test_an_update_takes_as_many_batches_as_are_accumulated():
    losses = [[step.loss for step in torch_side.TorchSide(job).steps(Batches(job))]
              for job in (learning(accumulate=3), dataclasses.replace(learning(), batch_size=6))]
    np.testing.assert_allclose(*losses, rtol=1e-12)
