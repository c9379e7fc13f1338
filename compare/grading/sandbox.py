"""The submission's process, from outside: started with a time limit, and what came of it."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tokenize
from pathlib import Path

import numpy as np

from .cases import cases
from ..layers.table import LAYERS
from ..layers.source import HOUSE
from ..progress import waiting

LINES, WIDTH = 20, 200  # of what a student's code prints, that is shown


def read_submission(path):
    """Return the text of a Python file without running it; raises ValueError, in one sentence."""
    try:
        with tokenize.open(path) as file:  # in UTF-8, or in what its first lines declare
            return file.read()
    except (OSError, UnicodeDecodeError, SyntaxError) as error:
        raise ValueError(f"FILE is {path}, which can't be read ({type(error).__name__}); "
                         "allowed: a Python file in UTF-8") from None


def layer_of(path):
    """Return the layer that a file names, as in LAYER = "softmax", or that it is called after."""
    found = re.search(r"^LAYER\s*=\s*[\"'](\w+)[\"']", read_submission(path), re.M)
    if not found and Path(path).stem in LAYERS:
        return Path(path).stem
    if not found:
        raise ValueError(f"FILE is {path}, which names no layer; allowed: a line such as "
                         'LAYER = "softmax" in it, or --layer softmax')
    return found[1]


def run_submission(path, stem, *, forward="forward", backward="backward", torch=False, seconds=60):
    """Run a student's functions on the cases of a layer; return the cases and results that fit.

    Prints the first lines of what they print. Raises ValueError, in one sentence, for whatever
    keeps the file from being graded.
    """
    path = Path(path).resolve()
    read_submission(path)
    all_cases = cases(LAYERS[stem])
    job = {"file": str(path), "layer": stem, "forward": forward, "backward": backward,
           "torch": torch, "cases": [[c.sizes, c.seed, c.plain] for c in all_cases]}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        folder = Path(folder)
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        code, printed = start(folder, seconds, len(all_cases))
        if lines := beginning(printed):
            print(f"{path.name} prints", *lines, "", sep="\n")
        place = at(folder, all_cases)
        if problem := problem_of(folder, path.name, place, code, seconds):
            raise ValueError(problem)
        found = [(case, dict(np.load(folder / f"{i}.npz", allow_pickle=False)))
                 for i, case in enumerate(all_cases) if (folder / f"{i}.npz").exists()]
    if not found:
        raise ValueError(f"{path.name}: {forward} takes none of the options of {stem} "
                         f"that are drawn; allowed: {', '.join(options_of(all_cases[0]))}")
    return found


def start(folder, seconds, count):
    """Run compare/grading/submission.py on a folder with so many examples; return its exit code,
    None if the time ran out, and the beginning of what it printed."""
    command = [sys.executable, "-W", "ignore", "-m", "compare.grading.submission", str(folder)]
    process = subprocess.Popen(command, cwd=HOUSE, stdin=subprocess.DEVNULL, start_new_session=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    printed = bytearray()
    listener = threading.Thread(target=listen, args=(process.stdout, printed), daemon=True)
    listener.start()
    try:
        code = watched(process, folder, seconds, count)
    finally:
        if process.returncode is None:
            end(process)
    listener.join(1)  # a process that the student's code left behind may hold the pipe open
    return code, bytes(printed)


def watched(process, folder, seconds, count):
    """Return the exit code of a process, None if the time runs out, and show how far it is."""
    end = time.monotonic() + seconds
    for i in waiting.over(range(count), lambda i: f"example {i + 1} of {count}"):
        while (case_reached(folder) or 0) <= i or i == count - 1:
            left = end - time.monotonic()
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(max(0, min(left, 0.1)))
            if left <= 0:
                return None


def listen(pipe, printed):
    """Keep the beginning of what comes out of a pipe, and let go of the rest."""
    while chunk := pipe.read1():
        printed += chunk[: max(0, LINES * 1000 - len(printed))]


def end(process):
    """Kill a process, and those that it started, where the system knows groups of them."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def beginning(printed):
    """Return the first lines of what was printed, and "..." if there was more."""
    lines = printed.decode("utf-8", errors="replace").splitlines()
    shown = [line if len(line) <= WIDTH else f"{line[:WIDTH]}..." for line in lines[:LINES]]
    return shown + ["..."] * (len(lines) > LINES)


def problem_of(folder, name, place, code, seconds):
    """Return why a file can't be graded, or None."""
    if code is None:
        return (f"{name} had not returned after {seconds} s{place}, perhaps an endless loop; "
                "allowed: more time with --seconds")
    if (folder / "problem.json").exists():
        return json.loads((folder / "problem.json").read_text(encoding="utf-8")) + place
    if code:
        return f"{name} ended or broke its process, code {code}{place}; allowed: functions that return"
    if not (folder / "done").exists():
        return f"{name} ended before the last example{place}; allowed: functions that return"
    return None


def at(folder, all_cases):
    """Return where in the cases the submission's process was, in words."""
    reached = case_reached(folder)
    return "" if reached is None else f" (at {all_cases[reached].place})"


def case_reached(folder):
    """Return which of the examples the submission's process has begun, None before the first."""
    with contextlib.suppress(OSError, ValueError):  # not there, or being written
        return int((folder / "at.json").read_text(encoding="utf-8"))


def options_of(case):
    """Return the names of the options of a case."""
    return [*case.example.options, *case.example.masks] or ["none"]
