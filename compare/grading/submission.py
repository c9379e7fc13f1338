"""A student's own functions, run on drawn examples in a process of their own.

python -m compare.grading.submission FOLDER, where FOLDER/job.json says what to run. Writes
FOLDER/<i>.npz for example i, then FOLDER/left_out.json, FOLDER/reading.json and FOLDER/done; or
FOLDER/problem.json. So nothing that the student's code does reaches the grader.
"""

import contextlib
import dataclasses
import functools
import os
import sys
from pathlib import Path

import numpy as np
from numpy import savez  # as it is before the student's code can touch it

from ..apart import Problem, blamed, import_file, leave_note, quiet, read_note
from ..layers.table import LAYERS
from .cases import Case
from .guess import guess, has_our_output
from .named_arrays import run_into_arrays
from .own_forward import own_slopes
from .objects import by_autograd, class_in, options_taken, run_object
from .readings import ByName, Reading, asked, flat
from .signatures import BAG, is_default, named_in, order, own_name, positional, required, takes


def main(folder):
    """Run the job of a folder."""
    folder, process = Path(folder), os.getpid()
    job = read_note(folder, "job")
    every = [Case(LAYERS[job["layer"]], sizes, seed, **dict.fromkeys(flags, True))
             for sizes, seed, flags in job["cases"]]
    try:
        submitted = Submission(job)
        run_as_read(submitted, every, folder)
        (folder / "done").touch()  # whoever ends the process early leaves no such mark
    except Problem as problem:
        if os.getpid() != process:
            os._exit(0)  # of a fork
        if problem.everywhere:
            (folder / "at.json").unlink(missing_ok=True)
        leave_note(folder, "problem", str(problem))


def run_as_read(submitted, every, folder):
    """Run all cases as the file stands; where it then fails or has another output than ours, once
    more in the reading that has ours, if there is one."""
    problem = None
    try:
        if run_all(submitted, every, folder, Reading()):
            return
    except Problem as found:
        problem = found
    whole = submitted.has("forward") and submitted.has("backward")
    is_open = problem and problem.everywhere and whole  # a function is not filled in
    if not (submitted.is_exercise() or is_open) and (
            reading := guess(submitted, every[0].layer, problem is not None)):
        run_all(submitted, [dataclasses.replace(case, bare=reading.bare) for case in every], folder,
                reading)
    elif problem:
        if not whole:
            submitted.run(every[0], Reading("object"))  # a class has a sentence of its own
        raise problem


def run_all(submitted, every, folder, reading):
    """Write the results of the cases; return whether the outputs are ours."""
    process, left_out, are_ours = os.getpid(), [], True
    for path in folder.glob("*.npz"):
        path.unlink()
    for i, case in enumerate(every):
        leave_note(folder, "at", i)
        with quiet() if i or reading != Reading() else contextlib.nullcontext():  # one's prints do
            results = submitted.run(case, reading)
        if os.getpid() != process:
            os._exit(0)  # a fork that the student's code forgot to end
        if results is None:
            left_out.append(i)
        else:
            is_ours = has_our_output(results["output"], case)
            if not is_ours and results["output"].shape == np.shape(case.truth["output"]):
                results |= own_slopes(lambda other: submitted.run(other, reading)["output"],
                                      case, results)
            savez(folder / f"{i}.npz", **results)
            are_ours = are_ours and is_ours
    leave_note(folder, "left_out", left_out)
    leave_note(folder, "reading", [reading.bare, reading.words()])
    return are_ours


class Submission:
    """The two functions of a student's file, called in the way that their arguments ask for."""

    def __init__(self, job):
        self.path, self.torch, self.job = Path(job["file"]), job["torch"], job
        with blamed("importing it", self.path):
            self.module = import_file(self.path)
        self.output = None  # of the last forward

    def is_exercise(self):
        """Whether the file is one of our exercises, of which nothing is to be guessed."""
        return (self.module.__doc__ or "").startswith("Exercise: ")

    def function(self, which):
        """Return the forward or the backward of the file, dots allowed in its name."""
        value, name = self.module, self.job[which]
        for part in name.split("."):
            value = getattr(value, part, None)
        if not callable(value):
            raise Problem(f"{self.path.name} has no function {name}; allowed: a file that defines "
                          "both functions, or a class", everywhere=True)
        return value

    def has(self, which):
        """Whether the forward, or the backward, is there."""
        try:
            return bool(self.function(which))
        except Problem:
            return False

    def run(self, case, reading):
        """Return the results of one case by name, None if the functions don't take its options."""
        self.output, self.torch = None, self.job["torch"] or reading.tensors
        if reading.form == "object":
            run = self.run_object
        elif reading.form == "into arrays":
            run = self.run_into_arrays
        else:
            run = self.run_functions
        if (made := run(case, reading)) is None:
            return None
        y, found, changed = made
        results = {"output": to_numpy(y, "forward")} | {
            f"d {name}": to_numpy(grad, f"the gradient of {name}")
            for name, grad in found.items() if grad is not None}
        still_open = [f"d {name}" for name, grad in found.items() if grad is None]
        whole = case.whole_truth
        return {name: reading.ours(a, name, np.asarray(whole[name]), case.lead)
                for name, a in results.items()} | {
            "changed": np.array(changed), "open": np.array(still_open, str)}

    def run_functions(self, case, reading):
        """Return (output, gradients by name, whether an argument was changed) of two functions."""
        forward, example = self.function("forward"), case.example
        taken = takes(forward, example)
        if not is_default(case.layer, example, taken):
            return None
        values, keywords = self.arguments(forward, case, reading, taken)
        if self.torch and not self.has("backward"):
            return self.run_autograd(functools.partial(forward, **keywords), values, case, reading)
        at_once = reading.form == "loss and gradient"
        backward = None if at_once else self.function("backward")
        with blamed("forward", self.path):
            made = forward(*values, **keywords)
        y, rest = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
        self.output = y
        if at_once:
            slope = to_numpy(rest, "what forward returns beside the loss")
            return y, dict.fromkeys(asked(case), case.dy * slope), False
        cotangent = self.own(reading.in_rows(case.dy, case.lead))
        owned = arrays_in((cotangent, tuple(values), rest))
        copies = [np.array(a) for a in owned]
        with blamed("backward", self.path):
            grads = backward(*order(backward, cotangent, values, rest), **(
                {} if rest is not None else named_in(backward, keywords)))
        changed = any(not np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
                      for a, b in zip(owned, copies))
        names = asked(case)
        found = with_open(list(flat(grads, names)), len(names))
        if len(found) != len(names):
            arrays = "array" if len(found) == 1 else "arrays"
            raise Problem(f"backward returned {len(found)} {arrays}; allowed: {len(names)}, the "
                          f"gradient{'s' * (len(names) > 1)} of {', '.join(names)}")
        return y, dict(zip(names, found)), changed

    def run_autograd(self, forward, values, case, reading):
        """Return the same of a forward in torch that has no backward: its autograd's."""
        with blamed("forward", self.path):
            self.output, grads = by_autograd(forward, values, self.own(
                reading.in_rows(case.dy, case.lead)))
        return self.output, dict(zip(asked(case), grads)), False

    def run_into_arrays(self, case, reading):
        """Return the same of two functions that write into the arrays they are given."""
        forward, backward = self.function("forward"), self.function("backward")
        if not is_default(case.layer, case.example, takes(forward, case.example)):
            return None
        with blamed("forward or backward", self.path):
            self.output, found = run_into_arrays(forward, backward, case, reading,
                                                 reading.in_rows(case.dy, case.lead))
        return self.output, self.in_order(found, case), False

    def run_object(self, case, reading):
        """Return the same of an object of a class of the file."""
        kind = class_in(self.module, self.job["forward"])
        if kind is None:
            self.function("forward")
            self.function("backward")
            raise Problem(f"{self.path.name} has no class", everywhere=True)
        if not is_default(case.layer, case.example, options_taken(kind)):
            return None
        if hasattr(kind, "named_parameters"):
            self.torch = True
        with blamed(kind.__name__, self.path):
            self.output, found = run_object(kind, case, reading,
                                            reading.in_rows(case.dy, case.lead), self.own)
        return self.output, self.in_order(found, case), False

    def in_order(self, found, case):
        """Return gradients by name in our order; raises Problem where one is missing."""
        if missing := [name for name in asked(case) if name not in found]:
            raise Problem(f"{self.path.name} makes no gradient of {', '.join(missing)}; "
                          f"allowed: those of {', '.join(asked(case))}")
        return {name: found[name] for name in asked(case)}

    def arguments(self, forward, case, reading, taken):
        """Return the positional and the keyword arguments for an example."""
        inputs, params = reading.given(case)
        values, names = list(inputs.values()), positional(forward)
        if reading.form == "by name":
            values.append(ByName(params))
        elif params:
            least = len(values) + len(params)
            is_flat = len(names) >= least > len(values) + 1 or reading.turned or reading.bare
            values += params.values() if is_flat else [case.example.params]
        known = case.example.options | case.example.constants
        keywords = named_in(forward, {own_name(forward, name): value
                                      for name, value in known.items() if name in taken})
        for name in required(forward)[len(values):]:
            if name not in keywords:  # no option of ours is called so
                keywords[name] = dict(case.example.options) if BAG.search(name) else None
        return [self.own(value) for value in values], {
            name: self.own(value) for name, value in keywords.items()}

    def own(self, value):
        """Return an argument as the student's code wants it: arrays, or torch tensors."""
        if not self.torch or not isinstance(value, (np.ndarray, tuple, ByName)):
            return value
        from ..layers import weights
        if isinstance(value, ByName):
            return ByName({name: self.own(a) for name, a in value.items()})
        return weights.to_torch(value)


def with_open(found, count):
    """Return gradients, of which one None may stand for several; raises Problem if all are None."""
    places = [i for i, grad in enumerate(found) if grad is None]
    if len(places) == len(found):
        raise Problem("backward returned None; allowed: None for some gradients, not for all")
    if len(places) == 1:
        found[places[0] : places[0] + 1] = [None] * (1 + count - len(found))
    return found


def to_numpy(value, what):
    """Return a result as an array of numbers; raises Problem for anything else."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if not isinstance(value, (np.ndarray, np.generic, float, int)):
        raise Problem(f"{what} is of type {type(value).__name__}; allowed: an array")
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise Problem(f"{what} has dtype {array.dtype}; allowed: float64, as what came in")
    return array


def arrays_in(value):
    """Return the NumPy arrays in a nest of tuples, lists and dicts, such as a cache."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (tuple, list)):
        return [array for part in value for array in arrays_in(part)]
    return [value] if isinstance(value, np.ndarray) else []


if __name__ == "__main__":
    try:
        main(sys.argv[1])
        code = 0
    except BaseException:  # the student's code broke NumPy, say, or took the folder away
        code = 70
    with contextlib.suppress(Exception):  # they may be closed, or None
        sys.stdout.flush()
    os._exit(code)  # without waiting for threads that the student's code may have left behind
