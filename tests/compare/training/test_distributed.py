"""Several processes: together they give the gradient of the undivided batch."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import distributed

from compare.layers import weights
from compare.training import torch_side
from compare.__main__ import main
from compare.layers.source import HOUSE
from compare.training.job import Job
from reference import adamw, gpt
from reference.tools import tree
from reference.train import Schedule
from runs import entries

CONFIGS = [gpt.Config(7, 4, 1, 1, 4), gpt.Config(11, 6, 2, 2, 8), gpt.Config(3, 1, 1, 3, 3)]
BATCH = 6


def job(config, seed):
    """A job in float64 with O(1) parameters, whose schedule makes one update."""
    rng = np.random.default_rng(seed)
    made = Job(config, Schedule(steps=1, clip=1e30), BATCH, seed, "float64", None, None, None)
    params = tree.map(lambda a: rng.standard_normal(a.shape), made.initial()[0])
    object.__setattr__(made, "initial", lambda: (params, adamw.init(params)))
    return made


def batch_of(config, seed):
    rng = np.random.default_rng([seed, 1])
    return rng.integers(0, config.vocab_size, (2, BATCH, config.block_size))


def gradients(rank, count, folder):
    """Take one step in each of `count` processes; the first writes its gradients."""
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(count))
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet{count}", rank=rank,
                                   world_size=count)
    for i, config in enumerate(CONFIGS):
        side = torch_side.TorchSide(job(config, i))
        tokens, targets = batch_of(config, i)
        step, = side.steps(iter([(tokens, targets, None)]))
        if rank == 0:
            np.savez(f"{folder}/{count}_{i}.npz", loss=step.loss, **weights.gradients(side.model))
    distributed.barrier()  # or one ends while another still talks to it, and aborts
    distributed.destroy_process_group()


def test_processes_give_the_gradient_of_the_undivided_batch(tmp_path):
    count = 3  # two are tried below
    torch.multiprocessing.start_processes(
        gradients, (count, str(tmp_path)), nprocs=count,
        start_method="fork" if sys.platform == "linux" else "spawn")  # a fork imports nothing
    for i, config in enumerate(CONFIGS):
        params, _ = job(config, i).initial()
        loss, grads = gpt.loss_and_grad(*batch_of(config, i), params, config=config)
        found = np.load(tmp_path / f"{count}_{i}.npz")
        assert abs(found["loss"] - loss) <= 1e-11
        for name, grad in tree.walk(grads):
            size = max(1.0, np.abs(grad).max())
            assert np.abs(found[name] - grad).max() <= 1e-11 * size, name


def test_a_run_in_two_processes_is_that_in_one(tmp_path, monkeypatch, capsys):
    (tmp_path / "own.txt").write_text("to be or not to be. " * 90, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    words = ["train", "--with", "torch", "--text", "own.txt", "--preset", "micro", "--steps", "10",
             "--dtype", "float64", "--out"]
    two = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--no-python",
         sys.executable, "-m", "compare", *words, "two"], text=True, capture_output=True,
        env=os.environ | {"PYTHONPATH": str(HOUSE), "OMP_NUM_THREADS": "1"})
    assert two.returncode == 0, two.stderr
    assert two.stdout.count("step  10 of 10") + two.stdout.count("step 10 of 10") == 1
    assert main([*words, "one"]) == 0
    losses = [[entry.loss for entry in entries(tmp_path / name)]
              for name in ("one", "two")]
    np.testing.assert_allclose(*losses, rtol=1e-11)


def test_a_batch_that_does_not_split_evenly_is_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(ValueError, match="batch_size is 8; allowed: a multiple of the 3 processes"):
        with torch_side.process_group("cpu", 8):
            pass


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="device is cuda, which torch does not find here"):
        with torch_side.process_group("cuda", 8):
            pass


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU here")
@pytest.mark.parametrize("words", [[], ["--autocast"]])
def test_a_run_on_a_gpu(tmp_path, monkeypatch, words):
    (tmp_path / "own.txt").write_text("to be or not to be. " * 90, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--with", "torch", "--text", "own.txt", "--preset", "micro", "--steps",
                 "20", "--device", "cuda", "--out", "gpu", *words]) == 0
    assert entries("gpu")[-1].loss < entries("gpu")[0].loss
