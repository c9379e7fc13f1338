"""The submission's process: whatever a file does in it, the grader says in one sentence."""

import os
import re
import subprocess
import time

import numpy as np
import pytest

from compare.grading import sandbox
from submissions import RIGHT, fill, here  # noqa: F401, here is a fixture


@pytest.mark.parametrize("body, words", [
    ("    raise NotImplementedError", "backward is not filled in yet"),
    ("    return dy[0, 0, 0, 0, 0]", "backward raised IndexError: too many indices for array"),
    ("    return dy", "backward returned 1 array; allowed: 3, the gradients of x, weight, bias"),
    ("    return dy, ('a', 'b')", "the gradient of weight is of type str; allowed: an array"),
    ("    return dy, dy.tolist(), dy", "the gradient of weight is of type list; allowed: an array"),
    ("    return [dy] * 4", "backward returned 4 arrays; allowed: 3"),
    ("    return object(), dy, dy", "the gradient of x is of type object; allowed: an array"),
    ("    return dy, (dy, dy * 1j)", "has dtype complex128; allowed: float64"),
    ("    raise SystemExit(3)", "backward raised SystemExit: 3 (linear_exercise.py, line"),
    ("    def f(:", "importing it raised SyntaxError"),
])
def test_a_broken_file_is_one_sentence(here, tmp_path, body, words):
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        sandbox.run_submission(fill(tmp_path, "linear", body), "linear")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("change, words", [
    (lambda path: path.unlink(), "the results of linear_exercise.py were never written (at B = 1"),
    (lambda path: path.write_bytes(path.read_bytes()[:90]), "the results of linear_exercise.py are dam"),
    (lambda path: path.write_bytes(b""), "the results of linear_exercise.py are damaged (at B = 1"),
    (lambda path: np.savez(path, output=1.0), "are not those that were asked for (at B = 1, T = 2"),
    (lambda path: (path.parent / "done").unlink(), "ended before the last example (at B = "),
    (lambda path: (path.parent / "problem.json").write_text(""), None),
    (lambda path: (path.parent / "left_out.json").write_text("["), None)])
def test_there_is_a_verdict_only_on_all_results(here, tmp_path, monkeypatch, change, words):
    run = sandbox.start

    def start(folder, *given):
        made = run(folder, *given)
        change(folder / "3.npz")
        return made

    monkeypatch.setattr(sandbox, "start", start)
    path = fill(tmp_path, "linear", RIGHT["linear"])
    if words is None:
        assert sandbox.run_submission(path, "linear")
    else:
        with pytest.raises(ValueError, match=re.escape(words)):
            sandbox.run_submission(path, "linear")


LOOP = '''
import subprocess, sys
LAYER = "softmax"
print("a line\\n" * 50, flush=True)
subprocess.Popen([sys.executable, "-c", """
import time
for _ in range(300):
    open("{beats}", "a").write("x")
    time.sleep(0.1)
"""])
while True:
    print("x" * 10**6)
'''


@pytest.mark.skipif(os.name != "posix", reason="there are no groups of processes")
def test_an_endless_loop_is_ended_with_all_that_it_started(tmp_path, monkeypatch, capsys):
    loop, beats = tmp_path / "loop.py", tmp_path / "beats"
    loop.write_text(LOOP.format(beats=beats), encoding="utf-8")

    class Begun(subprocess.Popen):
        """A process whose time runs from when it loops, however long it took to get there."""

        def wait(self, timeout=None):
            while timeout and self.poll() is None and not (beats.exists() and beats.stat().st_size):
                time.sleep(0.01)
            return super().wait(timeout)

    monkeypatch.setattr(subprocess, "Popen", Begun)
    with pytest.raises(ValueError, match=r"had not returned after 0.5 s, perhaps an endless loop"):
        sandbox.run_submission(loop, "softmax", seconds=0.5)
    assert capsys.readouterr().out == "loop.py prints\n" + 20 * "a line\n" + "...\n\n"
    before = beats.stat().st_size
    time.sleep(0.5)
    assert 0 < before == beats.stat().st_size


ENDS = """
LAYER = "softmax"


def forward(x):
    print("hello")
    sys.stdout.close(), sys.stderr.close()
    return softmax.forward(x)


def backward(dy, cache):
    {body}
    return softmax.backward(dy, cache)


import sys, os, threading
from reference import softmax
"""


def ends(tmp_path, body):
    """A softmax that closes its streams, and does something else."""
    path = tmp_path / "notes.txt"  # whatever its suffix
    path.write_text(ENDS.format(body=body), encoding="utf-8")
    return path


def test_what_happens_in_the_sandbox_stays_there(tmp_path, capsys):
    path = ends(tmp_path, "threading.Thread(target=threading.Event().wait).start()")
    assert len(sandbox.run_submission(path, "softmax", seconds=60)) > 10
    assert capsys.readouterr().out == "notes.txt prints\nhello\n\n"
    with pytest.raises(ValueError, match=r"ended or broke its process, code 7 \(at B = 1, H = 1"):
        sandbox.run_submission(ends(tmp_path, "os._exit(7)"), "softmax")
    with pytest.raises(ValueError, match=r"ended before the last example \(at B = 1, H = 1, T = 2"):
        sandbox.run_submission(ends(tmp_path, "dy.size > 1 and os._exit(0)"), "softmax")


LEFT_BEHIND = """
import atexit, os, time
import numpy as np
from reference import softmax

LAYER, HERE = "softmax", open("here.txt").read()
atexit.register(os._exit, 9)
np.savez = lambda *_, **__: None


def forward(x, mask=None):
    if x.size == 1 and os.fork() == 0:  # and another one that goes on with the examples
        for _ in range(300):
            open("beats", "a").write("x")
            time.sleep(0.1)
    return softmax.forward(x, mask=mask)


backward = softmax.backward
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_what_a_file_leaves_behind_ends_with_it_in_the_readers_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here.txt").touch()
    (tmp_path / "numpy.py").write_text("raise ImportError")  # of the folder, not of the file
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "mine.py").write_text(LEFT_BEHIND, encoding="utf-8")
    assert len(sandbox.run_submission(tmp_path / "work" / "mine.py", "softmax")) > 30
    before = (tmp_path / "beats").stat().st_size
    time.sleep(0.5)
    assert 0 < before == (tmp_path / "beats").stat().st_size


def test_an_exit_at_the_import_is_told(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("import os\nos._exit(0)\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"mine.py ended before the first example; allowed: func"):
        sandbox.run_submission(path, "softmax")


def test_a_file_that_reaches_into_numpy_is_still_one_sentence(tmp_path):
    broken = fill(tmp_path, "linear", "    np.savez = None\n    return dy\n")
    with pytest.raises(ValueError, match="backward returned 1 array;"):
        sandbox.run_submission(broken, "linear")


@pytest.mark.parametrize("first, is_read", [
    ("# caf\u00e9", False), ("# coding: latin-1\n# caf\u00e9", True)])
def test_a_file_in_another_encoding_is_told(here, tmp_path, first, is_read):
    path = fill(tmp_path, "linear", RIGHT["linear"])
    path.write_bytes(f"{first}\n{path.read_text(encoding='utf-8')}".encode("latin-1"))
    if is_read:
        assert sandbox.run_submission(path, "linear")
    else:
        with pytest.raises(ValueError, match="can't be read .*; allowed: a Python file in UTF-8"):
            sandbox.run_submission(path, "linear")


@pytest.mark.parametrize("text, words", [
    ("forward = 1", "which names no layer; allowed: a line such as"), (None, "which can't be read")])
def test_a_file_that_names_no_layer_is_refused(tmp_path, text, words):
    path = tmp_path / "mine.py"
    if text:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=words):
        sandbox.layer_of(path)
