"""Files that are whole or not there, and locks that end with their process."""

import os
import subprocess
import sys

import pytest

from compare.files import whole
from compare.layers.source import HOUSE

HOLDS = """
import sys
from compare.files import whole
with whole.locked(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder):
    """Return a process that holds the lock of a folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLDS, folder], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, cwd=HOUSE)
    assert process.stdout.readline().strip() == b"held"
    return process


@pytest.mark.parametrize("end", ["kill", "terminate", "communicate"])
def test_a_lock_is_held_by_one_process_and_gone_with_it(tmp_path, end):
    process = holder(tmp_path)
    with pytest.raises(whole.Taken), whole.locked(tmp_path):
        pass
    getattr(process, end)()
    process.communicate()
    with whole.locked(tmp_path):
        with pytest.raises(whole.Taken), whole.locked(tmp_path):
            pass
    assert os.listdir(tmp_path) == []


def test_a_lock_that_was_removed_by_its_holder_is_taken_anew(tmp_path, monkeypatch):
    def take(path, take=whole.take):
        place = take(path)
        if not seen:  # as if its holder had removed it between the opening and the locking
            seen.append(place)
            path.unlink()
        return place

    seen = []
    monkeypatch.setattr(whole, "take", take)
    with whole.locked(tmp_path):
        assert os.listdir(tmp_path) == [".lock"]
        monkeypatch.undo()
        with pytest.raises(whole.Taken), whole.locked(tmp_path):
            pass


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="this system can't refuse links")
def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "else").write_text("mine")
    (tmp_path / "run").mkdir()
    os.symlink(tmp_path / "else", tmp_path / "run" / ".lock")
    with pytest.raises(OSError), whole.locked(tmp_path / "run"):
        pass
    os.symlink(tmp_path / "else", tmp_path / "run" / "log.csv")
    with whole.written_whole(tmp_path / "run" / "log.csv") as file:
        file.write(b"new")
    assert (tmp_path / "else").read_text() == "mine"
    assert (tmp_path / "run" / "log.csv").read_bytes() == b"new"


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    path = tmp_path / "file"
    with whole.written_whole(path) as one, whole.written_whole(path) as other:
        one.write(b"one")
        other.write(b"other")
        assert len(os.listdir(tmp_path)) == 2
    assert path.read_bytes() == b"one" and os.listdir(tmp_path) == ["file"]


def test_what_a_killed_process_left_is_cleared(tmp_path):
    for name in "checkpoint.npz.0a.unfinished", "log.csv.1b.unfinished", "log.csv", "notes.txt":
        (tmp_path / name).touch()
    whole.clear(tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["log.csv", "notes.txt"]
