"""What a run leaves in its folder: one run at a time, the best of it, nothing that is not finite."""

import concurrent.futures
import os

import numpy as np
import pytest

from compare.__main__ import main
from compare.files import checkpoint, whole
from compare.training import folder, numpy_side, torch_side
from compare.files.packing import Entry, Log
from reference.tools import tree
from runs import SMALL, entries, started, train

SIDES = {"numpy": numpy_side.NumpySide, "torch": torch_side.TorchSide}
each_side = pytest.mark.parametrize("side", SIDES)


@each_side
def test_a_folder_in_which_another_trains_is_refused(place, capsys, side):
    os.mkdir("run")
    with whole.locked("run"):
        for words in SMALL, ["--resume"]:
            assert train("--with", side, *words) == 2
            assert capsys.readouterr().err == (
                "error: out is run, where another process is training; "
                "allowed: another --out, or once that one has ended\n")
        assert os.listdir("run") == [".lock"]
    assert train("--with", side, *SMALL) == 0
    assert sorted(os.listdir("run")) == ["best.npz", "checkpoint.npz", "checkpoint.previous.npz",
                                         "log.csv", "loss.svg"]


def test_of_two_that_begin_at_once_one_trains_and_one_is_refused(place):
    words = ["train", "--with", "numpy", "--text", "own.txt", *SMALL, "--steps", "1000"]
    both = [started(*words) for _ in range(2)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        said = [err for _, err in pool.map(lambda process: process.communicate(), both)]
    assert sorted(process.returncode for process in both) == [0, 2]
    assert sorted(said)[0] == "" and "another process is training" in sorted(said)[1]
    assert checkpoint.load("run/checkpoint.npz").state.step == 1000 and len(entries("run")) == 100


def test_what_a_refused_run_made_is_removed(place):
    assert train("--with", "numpy", "--n-embd", "7", "--out", "a/b/run") == 2
    assert os.listdir(place) == ["own.txt"]


@each_side
def test_the_best_checkpoint_is_kept(place, monkeypatch, side):
    losses = iter([3.0, 2.0, 2.5, 1.5, 1.75, 9, 1.5, 2, 2, 2])
    monkeypatch.setattr(SIDES[side], "evaluate", lambda *_: next(losses))
    assert train("--with", side, *SMALL) == 0
    best, last = (checkpoint.load(f"run/{name}.npz") for name in ("best", "checkpoint"))
    assert (best.state.step, last.state.step) == (8, 20)
    assert best.log.entries == last.log.entries[:8]


@pytest.mark.parametrize("valid, step, wanted", [
    ([3.0], 1, True), ([3.0, 2.0], 2, True), ([2.0, 3.0], 2, False), ([2.0, 2.0], 2, False),
    ([None], 1, False), ([3.0, None, 2.0], 3, True), ([3.0, 2.0], 3, False), ([], 0, False)])
def test_the_best_is_the_lowest_that_was_measured_at_this_step(valid, step, wanted):
    log = Log(tuple(Entry(i + 1, 1.0, loss, 1.0, 1.0) for i, loss in enumerate(valid)))
    assert folder.is_best(log, step) is wanted


@each_side
def test_a_run_that_diverges_at_once_leaves_nothing_in_the_way(place, capsys, side):
    assert train("--with", side, *SMALL, "--lr", "1e30", "--warmup", "0") == 2
    said = capsys.readouterr().err
    assert said.startswith("error: training diverged at step 2 of 20 (")
    assert said.endswith("); allowed: a lower --lr, now 1e+30; nothing is saved\n")
    assert os.listdir(place) == ["own.txt"]
    assert train("--with", side, *SMALL) == 0


@each_side
def test_a_run_that_diverges_keeps_its_last_finite_checkpoint(place, monkeypatch, capsys, side):
    def steps(self, batches, steps=SIDES[side].steps):
        for step in steps(self, batches):
            if step.index == 6:
                spoil(self)
            yield step

    monkeypatch.setattr(SIDES[side], "steps", steps)
    assert train("--with", side, *SMALL) == 2
    assert "diverged at step 8 of 20" in capsys.readouterr().err
    assert checkpoint.load("run/checkpoint.npz").state.step == 6 == entries("run")[-1].step
    monkeypatch.undo()
    os.chdir(place)
    assert train("--with", side, "--resume") == 0


def spoil(side):
    """Put a NaN into the parameters of a side."""
    if side.name == "torch":
        side.model.norm.weight.data[0] = np.nan
    else:
        side.params.norm.weight[0] = np.nan


@each_side
def test_a_mean_that_overflows_is_never_saved(place, monkeypatch, capsys, side):
    def snapshot(self, snapshot=SIDES[side].snapshot):
        params, state = snapshot(self)
        return params, state._replace(v=tree.map(lambda a: a + np.inf, state.v))

    monkeypatch.setattr(SIDES[side], "snapshot", snapshot)
    assert train("--with", side, *SMALL) == 2
    assert "(a parameter or a mean of AdamW's is not finite); allowed: a lower" in \
        capsys.readouterr().err
    assert not os.path.exists("run")


def test_a_model_worse_than_guessing_is_said(place, monkeypatch, capsys):
    monkeypatch.setattr(numpy_side.NumpySide, "evaluate", lambda *_: 4.0)
    assert train("--with", "numpy", *SMALL) == 0
    assert "that is far above 3.0445, the loss of guessing" in capsys.readouterr().out  # log 21
    monkeypatch.setattr(numpy_side.NumpySide, "evaluate", lambda *_: 3.1)
    assert train("--with", "numpy", *SMALL, "--out", "other") == 0
    assert "guessing" not in capsys.readouterr().out


@each_side
def test_a_run_at_its_end_goes_on_to_more_steps(place, capsys, side):
    words = ["--with", side, "--dtype", "float64", *SMALL]
    assert train(*words, "--out", "run") == 0
    assert train("--with", side, "--resume", "--out", "run") == 2
    assert "is at its end, step 20; allowed: --steps with more than 20" in capsys.readouterr().err
    assert train("--with", side, "--resume", "--steps", "40", "--out", "run") == 0
    assert train(*words, "--steps", "40", "--decay-steps", "20", "--out", "long") == 0
    found, wanted = (checkpoint.load(f"{name}/checkpoint.npz") for name in ("run", "long"))
    assert found.schedule == wanted.schedule and found.state.step == 40
    assert all(map(np.array_equal, tree.leaves(found.params), tree.leaves(wanted.params)))
    assert {entry.lr for entry in entries("run")[-10:]} == {4e-4}  # it stays at the minimum
    assert main(["train", "--with", side, "--resume", "--steps", "30", "--out", "run"]) == 2


def test_a_run_that_was_given_more_steps_goes_on_with_its_preset(place):
    words = ["--with", "numpy", "--preset", "micro"]
    assert train(*words, "--steps", "30") == 0
    assert train(*words, "--resume", "--steps", "40", stop=33) == 130
    assert train(*words, "--resume", "--steps", "40") == 0


@each_side
@pytest.mark.parametrize("dropout", ["0.0", "0.3"])
def test_accumulated_batches_train_as_larger_ones(place, side, dropout):
    words = ["--with", side, "--dtype", "float64", *SMALL, "--dropout", dropout]
    assert train(*words, "--batch-size", "12", "--out", "one") == 0
    assert train(*words, "--batch-size", "4", "--accumulate", "3", "--out", "parts") == 0
    assert train(*words, "--batch-size", "4", "--accumulate", "3", "--out", "broken", stop=7) == 130
    assert train("--with", side, "--resume", "--out", "broken") == 0
    if dropout == "0.0":  # or the masks are others
        np.testing.assert_allclose([e.loss for e in entries("parts")],
                                   [e.loss for e in entries("one")], rtol=1e-11)
    assert entries("parts") == entries("broken")
