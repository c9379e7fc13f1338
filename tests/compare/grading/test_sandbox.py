"""The submission's process: whatever a file does in it, the grader says in one sentence."""

import os
import re
import subprocess
import time

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
