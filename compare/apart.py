"""Somebody's code: its file imported, its process started with a time limit, errors in words."""

import contextlib
import importlib.machinery
import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
import types

from .layers.source import HOUSE
from .progress import waiting

LINES, WIDTH = 20, 200  # of what somebody's code prints, that is shown


class Problem(Exception):
    """What keeps a file from being judged, in one sentence; everywhere or at one example."""

    def __init__(self, sentence, everywhere=False):
        super().__init__(sentence)
        self.everywhere = everywhere


def start_apart(module, folder, seconds, count):
    """Run python -m MODULE FOLDER, which goes through so many examples; return its exit code,
    None if the time ran out, and the beginning of what it printed.

    It runs in the current folder. What it has started ends with it, however it ends.
    """
    # -P: the modules are those of HOUSE, whatever lies in the current folder
    command = [sys.executable, "-P", "-W", "ignore", "-m", module, str(folder)]
    path = os.pathsep.join(filter(None, [str(HOUSE), os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path},
                               stdin=subprocess.DEVNULL, start_new_session=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    printed = bytearray()
    listener = threading.Thread(target=listen, args=(process.stdout, printed), daemon=True)
    listener.start()
    try:
        code = watched(process, folder, seconds, count)
    finally:
        end(process)
    listener.join(1)  # a process that left the group may hold the pipe open
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
    """Kill a process, if it still runs, and those that it started.

    Windows knows no groups: there those of a process that has ended by itself go on.
    """
    if hasattr(os, "killpg"):
        # there may be none, or, on macOS, zombies alone
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(process.pid)], capture_output=True)
        process.kill()
    process.wait()


def beginning(printed):
    """Return the first lines of what was printed, and "..." if there was more."""
    lines = printed.decode("utf-8", errors="replace").splitlines()
    shown = [line if len(line) <= WIDTH else f"{line[:WIDTH]}..." for line in lines[:LINES]]
    return shown + ["..."] * (len(lines) > LINES)


def problem_of(folder, name, place, code, seconds):
    """Return why a file can't be judged, or None."""
    if code is None:
        return (f"{name} had not returned after {seconds} s{place}, perhaps an endless loop; "
                "allowed: more time with --seconds")
    if isinstance(problem := read_note(folder, "problem"), str):
        return problem + place
    if code:
        return (f"{name} ended or broke its process, code {code}{place}; allowed: functions that "
                "return")
    if not (folder / "done").exists():
        which = "first" if case_reached(folder) is None else "last"
        return f"{name} ended before the {which} example{place}; allowed: functions that return"
    return None


def case_reached(folder):
    """Return which of the examples the process has begun, None before the first."""
    reached = read_note(folder, "at")
    return reached if isinstance(reached, int) else None


def leave_note(folder, name, value):
    """Write a note from the process to whoever started it, whole or not at all."""
    unfinished = folder / f"{name}.unfinished"
    unfinished.write_text(json.dumps(value), encoding="utf-8")
    os.replace(unfinished, folder / f"{name}.json")


def read_note(folder, name):
    """Return what a note says, None if there is none that can be read."""
    with contextlib.suppress(OSError, ValueError):
        return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


@contextlib.contextmanager
def quiet():
    """Let go of what is printed."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


@contextlib.contextmanager
def blamed(what, path):
    """Turn whatever the code of a file raises into a Problem with the line that raised it."""
    try:
        yield
    except Problem:
        raise
    except NotImplementedError:
        raise Problem(f"{what} is not filled in yet", everywhere=True) from None
    except BaseException as error:  # sys.exit() included
        words = getattr(error, "msg", None) or str(error)  # a SyntaxError's has no place in it
        words = f"{type(error).__name__}: {words}".splitlines()[0]
        raise Problem(f"{what} raised {words} ({line_of_file(error, path)})") from None


def line_of_file(error, path):
    """Return the last line of a file on the way to an error."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__)
             if os.path.basename(frame.filename) == path.name]
    if isinstance(error, SyntaxError) and error.lineno:
        lines = [error.lineno]
    return f"{path.name}, line {lines[-1]}" if lines else f"called from {path.name}"


def import_file(path):
    """Import a file by its path; its own folder comes first in the search for its imports.

    It is in a package `submission`, the one that holds its folder, for its relative imports: so a
    copy of reference/ finds its own files.
    """
    sys.path.insert(0, str(path.parent))
    top = path.parent
    while (top.parent / "__init__.py").is_file():
        top = top.parent
    if (top / "__init__.py").is_file():
        import_as("submission", top / "__init__.py", [str(top)])
    else:
        sys.modules["submission"] = types.ModuleType("submission")
        sys.modules["submission"].__path__ = [str(top)]
    package = ".".join(["submission", *path.parent.relative_to(top).parts])
    importlib.import_module(package)
    return import_as(f"{package}.{path.stem.replace('.', '_')}", path)


def import_as(name, path, folders=None):
    """Import a file under a name, as a package if the folders of its modules are given."""
    loader = importlib.machinery.SourceFileLoader(name, str(path))  # whatever its suffix
    spec = importlib.util.spec_from_file_location(
        name, path, loader=loader, submodule_search_locations=folders)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
