"""What a command shows while it goes on: on a terminal alone, and nothing of it stays."""

import contextlib
import io
import os
import subprocess
import sys

import pytest

from compare import progress
from compare.__main__ import main
from compare.bench import bench
from compare.checks import derivations
from compare.layers.source import HOUSE
from compare.progress import Progress, duration, waiting
from submissions import RIGHT, fill, here  # noqa: F401, here is a fixture


class Terminal(io.StringIO):
    """A stream that is said to be a terminal; it keeps all that is written."""

    def isatty(self):
        return True

    @property
    def drawn(self):
        """The lines that stood there for a while."""
        return [line.rstrip() for line in self.getvalue().replace("\n", "\r").split("\r") if line.strip()]


def screen(written):
    """Return the lines that a terminal shows in the end: after \\r the same line is written over."""
    lines = []
    for line in written.replace("\r\n", "\n").split("\n"):
        cells = ""
        for part in line.split("\r"):
            cells = part + cells[len(part):]
        lines.append(cells.rstrip())
    return lines


@contextlib.contextmanager
def on_terminal(monkeypatch, columns="80", often=0.0):
    """Give a Terminal that is both streams in a with block."""
    stream = Terminal()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        patch.setattr(sys, "stderr", stream)
        patch.setattr(progress, "OFTEN", often)
        patch.setenv("COLUMNS", columns)
        yield stream


def test_durations_read_well():
    shown = {0.00123: "0.0012 s", 0.9: "0.9 s", 3: "3 s", 9.96: "10 s", 74: "74 s", 150: "2.5 minutes",
             7300: "2.0 hours", 200_000: "2.3 days", 1e12: "11,574,074.1 days", float("inf"): "?"}
    assert [duration(seconds) for seconds in shown] == [*shown.values()]


def test_a_line_of_progress_is_written_over_on_a_terminal():
    stream = Terminal()
    shown = Progress(3, stream=stream)
    for step in 1, 2, 3:
        shown.show(step, 10, f"loss {4 - step}")
    lines = stream.getvalue().split("\r")
    assert len(lines) == 4 and lines[-1].startswith("step 3 of 3") and lines[-1].endswith("\n")


def test_a_note_leaves_nothing_of_the_line_before_it():
    stream = Terminal()
    shown = Progress(3, stream=stream)
    shown.show(1, 10, "loss 1")
    shown.note("a note")
    assert screen(stream.getvalue()) == ["a note", ""]


def test_loops_in_one_another_say_what_is_done_of_all(monkeypatch):
    with on_terminal(monkeypatch) as terminal:
        for _ in waiting.over("ab", str):
            for _ in waiting.over("cd", str):
                pass
            print("a row")
    assert terminal.drawn == ["  0%  a", "  0%  a  c", " 25%  a  d", "a row",
                              " 50%  b", " 50%  b  c", " 75%  b  d", "a row"]
    assert screen(terminal.getvalue()) == ["a row", "a row", ""]


def test_a_long_loop_is_not_drawn_at_each_turn(monkeypatch):
    with on_terminal(monkeypatch, often=1e9) as terminal:
        assert list(waiting.over(range(1000))) == [*range(1000)]
    assert len(terminal.drawn) == 1


def test_the_time_that_is_left_is_told(monkeypatch):
    clock = iter([0.0, 0.5, 10.5, 20.5, 30.5])
    with on_terminal(monkeypatch) as terminal:
        monkeypatch.setattr(progress.time, "perf_counter", lambda: next(clock))
        list(waiting.over("abcd", str))
    assert [line.split("  ") for line in terminal.drawn] == [
        ["", "0%", "a"], [" 25%", "b", "32 s left"], [" 50%", "c", "20 s left"], [" 75%", "d", "10 s left"]]


def test_a_line_is_no_wider_than_the_terminal(monkeypatch):
    with on_terminal(monkeypatch, columns="20") as terminal:
        for _ in waiting.over("ab", lambda item: item * 50):
            pass
    assert max(map(len, terminal.getvalue().split("\r"))) == 19


def test_where_no_terminal_is_nothing_is_written(capsys):
    assert [*waiting.over("ab", str)] == ["a", "b"]
    with waiting.on("something"):
        pass
    assert capsys.readouterr() == ("", "")


def test_a_loop_that_is_left_early_leaves_nothing(monkeypatch):
    with on_terminal(monkeypatch) as terminal:
        with pytest.raises(ZeroDivisionError):
            for _ in waiting.over("ab", str):
                for _ in waiting.over("cd", str):
                    1 / 0
        for _ in waiting.over("e", str):
            break
    assert not waiting.loops and screen(terminal.getvalue()) == [""]


@pytest.mark.parametrize("words, drawn", [
    ("check linear --examples 21", "linear  central"), ("check --derivations gelu", "gelu"),
    ("precision gelu --examples 2", "gelu"), ("steps gelu", "importing torch"),
    ("grade gelu_exercise.py", "looking for the mistake"),
    ("grade linear_exercise.py", "before the oracles")])
def test_a_command_shows_how_far_it_is_and_prints_the_same(
        tmp_path, monkeypatch, capsys, here, words, drawn):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    fill(tmp_path, "gelu", "    return dy\n")
    fill(tmp_path, "linear", RIGHT["linear"])
    with on_terminal(monkeypatch) as terminal:
        code = main(words.split())
    (tmp_path / "softmax_exercise.py").unlink(missing_ok=True)
    capsys.readouterr()
    assert main(words.split()) == code
    assert any(drawn in line for line in terminal.drawn)
    assert screen(terminal.getvalue())[:-1] == [line.rstrip() for line in capsys.readouterr().out.splitlines()]


@pytest.mark.skipif(os.name != "posix", reason="there are no pseudo terminals here")
def test_a_terminal_shows_what_a_file_would_hold():
    command = [sys.executable, "-m", "compare", "check", "--derivations", "gelu", "linear"]
    plain = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, check=True)
    leader, follower = os.openpty()
    done = subprocess.Popen(command, cwd=HOUSE, stdout=follower, stderr=follower)
    os.close(follower)
    written = b""
    while chunk := read(leader):
        written += chunk
    os.close(leader)
    assert done.wait() == 0 and b"0%  gelu" in written and not plain.stderr
    assert screen(written.decode()) == plain.stdout.split("\n")


def read(leader):
    """Return what comes from a pseudo terminal next, nothing at its end."""
    try:
        return os.read(leader, 1000)
    except OSError:  # as Linux says that the other end is closed
        return b""


def test_an_error_has_a_line_of_its_own(monkeypatch):
    def refuse(stem):
        raise ValueError("it is so")
    monkeypatch.setattr(derivations, "tags_of", refuse)
    with on_terminal(monkeypatch) as terminal:
        assert main(["check", "--derivations", "gelu"]) == 2
    assert terminal.drawn == ["gelu", "error: it is so"]
    assert screen(terminal.getvalue()) == ["error: it is so", ""]


def test_the_bench_draws_between_the_turns(monkeypatch):
    class FakeSide:
        def ask(self, words):
            return len(terminal.getvalue())

    monkeypatch.setattr(bench, "REST", 0)
    with on_terminal(monkeypatch) as terminal:
        bench.duel({"numpy": FakeSide(), "torch": FakeSide()}, 2, "step 1")
    assert [line for line in terminal.drawn if "torch" in line] == [" 25%  torch", " 75%  torch"]
    assert screen(terminal.getvalue()) == [""]
