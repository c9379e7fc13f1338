"""The submission's process, from outside: started with a time limit, and what came of it."""

import ast
import dataclasses
import re
import tempfile
import tokenize
import warnings
from pathlib import Path

import numpy as np

from .cases import cases
from ..apart import (beginning, case_reached, leave_note, problem_of, read_note,
                     start_apart)
from ..layers.table import LAYERS


def read_submission(path):
    """Return the text of a Python file without running it; raises ValueError, in one sentence."""
    try:
        with tokenize.open(path) as file:  # in UTF-8, or in what its first lines declare
            text = file.read()
    except (OSError, UnicodeDecodeError, SyntaxError) as error:
        raise ValueError(f"FILE is {path}, which can't be read ({type(error).__name__}); "
                         "allowed: a Python file in UTF-8") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a backslash, say
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        words, line = getattr(error, "msg", error), getattr(error, "lineno", None)
        place = f"{Path(path).name}, line {line}" if line else Path(path).name
        raise ValueError(f"importing it raised {type(error).__name__}: {words} ({place})") from None
    return text


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
           "torch": torch, "cases": [[case.sizes, case.seed, case.flags] for case in all_cases]}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        folder = Path(folder)
        leave_note(folder, "job", job)
        code, printed = start(folder, seconds, len(all_cases))
        if lines := beginning(printed):
            print(f"{path.name} prints", *lines, "", sep="\n")
        place = at(folder, all_cases)
        if problem := problem_of(folder, path.name, place, code, seconds):
            raise ValueError(problem)
        left_out = read_note(folder, "left_out") or []
        all_cases = as_it_was_read(folder, path.name, all_cases)
        found = [(case, read_results(folder / f"{i}.npz", path.name, case))
                 for i, case in enumerate(all_cases) if i not in left_out]
    if not found:
        raise ValueError(f"{path.name}: {forward} takes none of the options of {stem} "
                         f"that are drawn; allowed: {', '.join(options_of(all_cases[0]))}")
    return found


def as_it_was_read(folder, name, all_cases):
    """Print what was guessed of how the file is written; return the cases as they then are."""
    bare, guessed = read_note(folder, "reading") or (False, [])
    if guessed:
        print(f"{name} is read so: {'; '.join(guessed)}\n")
    return [dataclasses.replace(case, bare=bare) for case in all_cases] if bare else all_cases


def start(folder, seconds, count):
    """Run the submission's process; what it returns as in `start_apart`."""
    return start_apart("compare.grading.submission", folder, seconds, count)


def at(folder, all_cases):
    """Return where in the cases the submission's process was, in words."""
    reached = case_reached(folder)
    return "" if reached is None else f" (at {all_cases[reached].place})"


def read_results(path, name, case):
    """Return the results of one case by name; raises ValueError where they are not all there."""
    try:
        results = dict(np.load(path, allow_pickle=False))
    except FileNotFoundError:
        what = "were never written"
    except Exception:  # whatever a damaged archive leads to
        what = "are damaged"
    else:
        if {*results, *results.get("open", ())} >= {*case.truth, "changed", "open"}:
            return results
        what = "are not those that were asked for"
    raise ValueError(f"the results of {name} {what} (at {case.place}); allowed: a file that leaves "
                     "numpy and the process it runs in as they are")


def options_of(case):
    """Return the names of the options of a case."""
    return [*case.example.options, *case.example.constants] or ["none"]
