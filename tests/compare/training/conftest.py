"""The folder in which the trainings of these tests run."""

import pytest

from runs import TEXT


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a text of one's own, and the current one."""
    (tmp_path / "own.txt").write_text(TEXT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path
