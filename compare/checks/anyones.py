"""Anyone's file before the witnesses, in a process of its own.

python -m compare.checks.anyones FOLDER, where FOLDER/job.json says what to check. Writes
FOLDER/report.json and FOLDER/done, or FOLDER/problem.json.
"""

import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

from ..apart import Problem, beginning, blamed, import_file, problem_of, quiet, start_apart
from .drawing import MOST, DrawnSizes, inputs_and_options
from .forms import form_of, is_torch_function
from .gradcheck import examine_or_refuse, in_pairs, report_on
from .nests import Unfit


def check_file(path, *, forward=None, backward=None, torch=False, seconds=60):
    """Print the report on a file, and return whether no gradient is wrong.

    Raises ValueError, in one sentence, for whatever keeps the file from being judged.
    """
    path = Path(path).resolve()
    if not path.is_file():
        raise ValueError(f"FILE is {path}, which is no file; allowed: a Python file")
    job = {"file": str(path), "forward": forward, "backward": backward, "torch": torch}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        folder = Path(folder)
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        code, printed = start_apart("compare.checks.anyones", folder, seconds, len(MOST))
        if lines := beginning(printed):
            print(f"{path.name} prints", *lines, "", sep="\n")
        if problem := problem_of(folder, path.name, "", code, seconds):
            raise ValueError(problem)
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    print(report["text"])
    return report["passed"]


def main(folder):
    """Run the job of a folder."""
    folder = Path(folder)
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    try:
        report = checked_file(folder, Path(job["file"]), job)
    except Problem as problem:
        (folder / "problem.json").write_text(json.dumps(str(problem)), encoding="utf-8")
        return
    told = {"text": str(report), "passed": report.passed}
    (folder / "report.json").write_text(json.dumps(told), encoding="utf-8")
    (folder / "done").touch()


def checked_file(folder, path, job):
    """Return the report on a file; raises Problem, in one sentence."""
    with blamed("importing it", path):
        if job["torch"]:
            import torch  # noqa: F401, what is a tensor is then known
        module = import_file(path)
    forward, backward = functions_in(module, path, job)
    examined = []
    for i, most in enumerate(MOST):
        (folder / "at.json").write_text(json.dumps(i), encoding="utf-8")
        sizes = DrawnSizes(i, most)
        try:
            with blamed(path.name, path), quiet() if i else contextlib.nullcontext():
                examined.append(examined_at(module, forward, backward, sizes, i, job["torch"]))
        except Problem as problem:
            place = f" (at {in_pairs(sizes)})" if sizes and not problem.everywhere else ""
            raise Problem(f"{problem}{place}") from None
    examined.sort(key=lambda pair: pair[0].total)
    try:
        return report_on(examined, path.name)
    except Unfit as error:
        raise Problem(str(error)) from None


def examined_at(module, forward, backward, sizes, seed, torch):
    """Return (Examined, form) of one example; raises Problem for what can't be judged."""
    try:
        inputs, options = inputs_and_options(module, sizes, np.random.default_rng([1, seed]))
        if forward is None:
            forward, options = module.layer(sizes), {}
        form = form_of(forward, backward, inputs, options, torch)
        return examine_or_refuse(form, dict(sizes), seed), form
    except Unfit as error:
        raise Problem(str(error)) from None


def functions_in(module, path, job):
    """Return (forward, backward) of a file: by the names given, else those it should have.

    forward is None where layer(sizes) makes an object for each example; backward where the
    forward has its own.
    """
    if job["forward"] is None and not hasattr(module, "forward") and hasattr(module, "layer"):
        return None, None
    forward = member(module, job["forward"] or "forward", path)
    own = job["backward"] is None and (is_torch_function(forward) or hasattr(forward, "backward")
                                       or hasattr(forward, "backward_pass"))
    return forward, None if own else member(module, job["backward"] or "backward", path)


def member(module, name, path):
    """Return what has a name in a file, dots allowed; raises Problem."""
    value = module
    for part in name.split("."):
        value = getattr(value, part, None)
    if value is None:
        raise Problem(f"{path.name} has no {name}; allowed: a file with forward and backward, "
                      "--forward and --backward with their names, or layer(sizes)")
    return value


if __name__ == "__main__":
    try:
        main(sys.argv[1])
        code = 0
    except BaseException:  # the code of the file broke NumPy, say, or took the folder away
        code = 70
    with contextlib.suppress(Exception):  # they may be closed, or None
        sys.stdout.flush()
    os._exit(code)  # without waiting for threads that the file may have left behind
