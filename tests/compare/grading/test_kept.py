"""What is kept between calls: the same verdict without torch, whatever becomes of the files."""

import functools
import subprocess
import sys

import numpy as np
import pytest

import compare.grading.verdict
from compare.__main__ import main
from compare.grading import grade, kept, sandbox
from compare.grading.cases import cases
from compare.layers import both
from compare.layers.source import HOUSE
from compare.layers.table import LAYERS
from compare.mutants.make import vocabulary
from submissions import RIGHT, fill, here, verdict  # noqa: F401, here is a fixture

WRONG = RIGHT["linear"].replace("dy.sum((0, 1))", "dy.sum(0).mean(0)")


@pytest.fixture
def called(here, tmp_path, monkeypatch, capsys):  # noqa: F811
    """Grade a wrong linear as a call of its own does, and return what it prints."""
    monkeypatch.setenv(kept.SWITCH, str(tmp_path / "cache"))
    for module in sandbox, compare.grading.verdict:
        monkeypatch.setattr(module, "cases", lambda layer: cases(layer)[:5])  # they are enough
    path = fill(tmp_path, "linear", WRONG)

    def call():
        forget()
        right, out = verdict(capsys, path, "linear")
        assert not right
        kept.write_ledgers()
        return out

    yield call
    forget()


def forget():
    """Let go of what this process holds in memory."""
    kept.LEDGERS.clear()
    kept.ledger_of.cache_clear()
    kept.fingerprint.cache_clear()
    grade.outcome_of.cache_clear()


def refuse_to_run(*_):
    raise AssertionError("this was kept")


def test_the_second_verdict_is_the_same_and_asks_neither_torch_nor_a_mutant(called, monkeypatch):
    first = called()
    with monkeypatch.context() as patch:
        patch.setattr(both, "run_torch", refuse_to_run)
        patch.setattr(grade, "run_mutant", refuse_to_run)
        assert called() == first and "WRONG" in first


def test_the_command_keeps_what_it_computed(called, tmp_path):
    assert main(["grade", str(tmp_path / "linear_exercise.py")]) == 1
    path, = (tmp_path / "cache").iterdir()
    assert {key.partition(":")[0] for key in kept.read_entries(path)} >= {
        "torch", "complex", "central"}


@pytest.mark.parametrize("damage", [
    lambda path: path.write_bytes(path.read_bytes()[:-300]), lambda path: path.write_bytes(b""),
    lambda path: path.unlink(), lambda path: np.savez(path, index=np.zeros(3), numbers=np.zeros(0)),
    lambda path: (path.unlink(), path.mkdir())])
def test_a_file_that_is_damaged_or_gone_is_computed_again(called, tmp_path, damage):
    first = called()
    damage(*(tmp_path / "cache").iterdir())
    assert called() == first


def test_a_folder_that_cant_be_written_is_no_error(called, tmp_path):
    (tmp_path / "cache").write_text("a file")
    assert called() == called()


def test_what_other_sources_computed_is_not_read(called, tmp_path, monkeypatch):
    first = called()
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "linear.py").write_text("# another one")
    monkeypatch.setattr(kept, "HOUSE", tmp_path)
    with monkeypatch.context() as patch, pytest.raises(AssertionError, match="this was kept"):
        patch.setattr(both, "run_torch", refuse_to_run)
        called()
    assert called() == first and len(list((tmp_path / "cache").iterdir())) == 2


def test_files_of_other_sources_are_deleted_when_they_are_stale(called, tmp_path, monkeypatch):
    called()
    monkeypatch.setattr(kept, "fingerprint", functools.cache(lambda: "another"))
    monkeypatch.setattr(kept, "STALE", -60)
    called()
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["linear-another.npz"]


def test_no_more_is_written_than_is_allowed(called, tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "MOST", 100)
    assert called() == called()
    path, = (tmp_path / "cache").iterdir()
    assert 0 < sum(map(kept.numbers_in, kept.read_entries(path).values())) <= 100


@pytest.mark.parametrize("stem", LAYERS)
def test_the_name_of_a_mutant_is_the_name_of_one(stem):
    names = [mutant.name for mutant in vocabulary(stem)]
    assert len(set(names)) == len(names)


def test_what_needs_no_torch_does_not_import_it():
    code = ("import sys, compare.__main__, compare.grading.submission, compare.grading.sandbox, "
            "compare.grading.verdict; sys.exit('torch' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code], cwd=HOUSE).returncode == 0
