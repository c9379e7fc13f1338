"""What a GPU is used for, as far as a CPU can show it: products in bfloat16."""

import numpy as np
import torch

from compare.training import torch_side
from compare.training.job import Batches, Job
from reference import gpt
from reference.train import Schedule

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
