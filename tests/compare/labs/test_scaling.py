"""The lab scaling: its table, a run of it anew, its settings, its picture."""

import numpy as np
import pytest

from compare.__main__ import main
from compare.labs import scaling
from compare.labs.run import read_run
from compare.layers.source import path_of, read
from compare.training import plan, sized_runs


def test_the_table_has_every_cell_with_its_size_and_its_operations():
    table = sized_runs.read_table()
    assert [run[:3] for run in table] == sized_runs.cells_of_table()
    sized = sized_runs.Sized()
    if sized.length != sized_runs.recorded_length():
        pytest.skip("the language reference of another Python")
    for run in table:
        config = sized.config(run.width)
        planned = plan.plan_of(config, sized_runs.BATCH)
        assert (run.parameters, run.operations) == (
            plan.parameters(config), run.tokens * planned.per_token)


def test_losses_fall_with_the_budget_and_with_the_size():
    losses = np.array([run.loss for run in sized_runs.read_table()]).reshape(6, 3, 3)
    assert (np.diff(losses, axis=1) < 0).all() and (np.diff(losses.mean(-1), axis=0) < 0).all()


def test_the_numbers_of_the_log_come_out_of_the_table_again():
    log = read_run("scaling")
    found = scaling.experiment("numpy", 1, **log.settings).numbers
    for name, value in log.measured[1].numbers.items():
        assert found[name] == pytest.approx(value, rel=1e-3), name


def test_a_run_is_the_same_each_time_and_close_on_both_sides(monkeypatch):
    monkeypatch.setattr(sized_runs, "validation", lambda job, most: [
        (job.valid_ids[None, :32], job.valid_ids[None, 1:33])])
    sized = sized_runs.Sized()
    ours, again, theirs = (sized.run(4, 2048, 7, side) for side in ("numpy", "numpy", "torch"))
    assert ours.loss == again.loss == pytest.approx(theirs.loss, rel=1e-5)
    planned = plan.plan_of(sized.config(4), sized_runs.BATCH)
    assert ours[:5] == theirs[:5] == (4, 2048, 7, planned.parameters, 2048 * planned.per_token)


def test_the_command_shows_what_is_recorded_beside_a_run_anew(monkeypatch, capsys):
    cell = sized_runs.cells_of_table()[0]
    recorded = sized_runs.read_table()[0]

    class Quick:
        length = 5

        def run(self, *cell):
            assert cell[:3] == sized_runs.cells_of_table()[0]
            return recorded._replace(loss=1.0 + (cell[3] == "torch"))

    monkeypatch.setattr(sized_runs, "Sized", Quick)
    assert main(["lab", "scaling", "--again", ",".join(map(str, cell))]) == 0
    out = capsys.readouterr().out
    assert f"recorded  {recorded.loss:8.4f}" in out
    assert "NumPy       1.0000" in out and "torch       2.0000" in out
    assert "the text is another one than the recorded" in out


def test_a_table_is_written_and_read(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sized_runs, "cells_of_table", lambda: [(4, 1024, 0)])
    monkeypatch.setattr(sized_runs, "validation", lambda job, most: [
        (job.valid_ids[None, :32], job.valid_ids[None, 1:33])])
    assert main(["lab", "scaling", "--again", "all", "--log", str(tmp_path)]) == 0
    path = tmp_path / "scaling_runs.csv"
    run, = sized_runs.read_table(path)
    assert run[:4] == (4, 1024, 0, plan.parameters(sized_runs.Sized().config(4)))
    assert sized_runs.recorded_length(path) == sized_runs.Sized().length
    assert "is written, in" in capsys.readouterr().out


@pytest.mark.parametrize("given, words", [
    (["--again", "5,131072,0"], "again is 5,131072,0; allowed: all, or width,tokens,seed of 4/8/"),
    (["--again", "4,131072,0", "--updates", "5"], "updates is 5; allowed: only without --again"),
    (["--seeds", "4", "--with", "numpy", "--updates", "1"],
     "seed is 3; allowed: those of the recorded runs, 0 to 2"),
    (["--delta", "0"], "delta is 0.0; allowed: from 0.001 to 1")])
def test_what_the_lab_cannot_do_is_refused_in_a_sentence(capsys, given, words):
    assert main(["lab", "scaling", *given]) == 2
    assert words in capsys.readouterr().err


def test_the_picture_has_a_dot_a_run_and_the_plot_says_what_was_not_seen():
    log = read_run("scaling")
    assert scaling.draw(log).svg.count("<circle") == 18
    plotted = scaling.plot(log)
    assert plotted.count("not seen by the fit") == 3 and plotted.count("\n") == 19
    assert f"\n```\n{plotted}\n```\n" in read(path_of("scaling", ".md"))
