"""A student's own functions, run on drawn examples in a process of their own.

python -m compare.grading.submission FOLDER, where FOLDER/job.json says what to run. Writes FOLDER/<i>.npz for
example i, FOLDER/left_out.json and FOLDER/done after the last, or FOLDER/problem.json, so that nothing
that the student's code does reaches the grader.
"""

import contextlib
import inspect
import os
import sys
from pathlib import Path

import numpy as np
from numpy import savez  # as it is before the student's code can touch it

from reference.tools import tree

from ..apart import Problem, blamed, import_file, leave_note, quiet, read_note
from ..layers import both
from .cases import Case
from ..layers.table import LAYERS


def main(folder):
    """Run the job of a folder."""
    folder, process, left_out = Path(folder), os.getpid(), []
    job = read_note(folder, "job")
    try:
        submitted = Submission(job)
        for i, case in enumerate(job["cases"]):
            leave_note(folder, "at", i)
            with quiet() if i else contextlib.nullcontext():  # one example's prints are enough
                results = submitted.run(Case(LAYERS[job["layer"]], *case))
            if os.getpid() != process:
                os._exit(0)  # a fork that the student's code forgot to end
            if results is None:
                left_out.append(i)
            else:
                savez(folder / f"{i}.npz", **results)
        leave_note(folder, "left_out", left_out)
        (folder / "done").touch()  # whoever ends the process early leaves no such mark
    except Problem as problem:
        if problem.everywhere:
            (folder / "at.json").unlink(missing_ok=True)
        leave_note(folder, "problem", str(problem))


class Submission:
    """The two functions of a student's file, called in the way that their arguments ask for."""

    def __init__(self, job):
        self.path, self.torch = Path(job["file"]), job["torch"]
        with blamed("importing it", self.path):
            self.module = import_file(self.path)
        self.forward, self.backward = (self.function(job[name]) for name in ("forward", "backward"))

    def function(self, name):
        """Return a function of the file by its name, dots allowed."""
        value = self.module
        for part in name.split("."):
            value = getattr(value, part, None)
        if not callable(value):
            raise Problem(f"{self.path.name} has no function {name}; "
                          "allowed: a file that defines both functions")
        return value

    def run(self, case):
        """Return the results of one case by name, or None if the functions don't take its options."""
        layer, example, dy = case.layer, case.example, case.dy
        taken = takes(self.forward, example)
        if not is_default(layer, example, taken):
            return None
        values, keywords = self.arguments(example, taken)
        with blamed("forward", self.path):
            made = self.forward(*values, **keywords)
        y, rest = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
        cotangent = self.own(dy)
        owned = arrays_in((cotangent, tuple(values), rest))
        copies = [np.array(a) for a in owned]
        with blamed("backward", self.path):
            grads = (self.backward(cotangent, rest) if rest is not None
                     else self.backward(cotangent, *values, **keywords))
        names = [*both.differentiable(example), *dict(tree.walk(example.params or ()))]
        found = list(flatten(grads, self.path.name))
        if len(found) != len(names):
            arrays = "array" if len(found) == 1 else "arrays"
            raise Problem(f"backward returned {len(found)} {arrays}; allowed: {len(names)}, the "
                          f"gradient{'s' * (len(names) > 1)} of {', '.join(names)}")
        results = {"output": to_numpy(y, "forward")} | {
            f"d {name}": to_numpy(grad, f"the gradient of {name}")
            for name, grad in zip(names, found)}
        results["changed"] = np.array(any(not np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
                                          for a, b in zip(owned, copies)))
        return results

    def arguments(self, example, taken):
        """Return the positional and the keyword arguments for an example."""
        values = list(example.inputs.values())
        if example.params is not None:
            leaves = tree.leaves(example.params)
            flat = len(positional(self.forward)) >= len(values) + len(leaves) > len(values) + 1
            values += leaves if flat else [example.params]
        keywords = {name: value for name, value in (example.options | example.masks).items()
                    if name in taken}
        return [self.own(value) for value in values], {
            name: self.own(value) for name, value in keywords.items()}

    def own(self, value):
        """Return an argument as the student's code wants it: arrays, or torch tensors."""
        if not self.torch or not isinstance(value, (np.ndarray, tuple)):
            return value
        from ..layers import weights
        return weights.to_torch(value)


def positional(function):
    """Return the names of the arguments that can be given by position, * for any number."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [name for name, p in inspect.signature(function).parameters.items()
            if p.kind in kinds]


def takes(function, example):
    """Return the options and masks of an example that a function has arguments for."""
    parameters = inspect.signature(function).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return {*example.options, *example.masks}
    return {*example.options, *example.masks} & {*parameters}


def is_default(layer, example, taken):
    """Whether what a function has no arguments for makes no difference in an example."""
    defaults = inspect.signature(layer.numpy.forward).parameters
    masked = any(mask is not None for mask in example.masks.values())

    def is_idle(name, value):
        if name == "rate" and example.masks:
            return not masked
        if name == "ignore_index":
            return not (example.inputs["targets"] == value).any()
        default = defaults[name].default
        return value is default or not isinstance(value, np.ndarray) and value == default

    return all(is_idle(name, value) for name, value in (example.options | example.masks).items()
               if name not in taken)


def flatten(grads, file):
    """Yield the arrays in a nest of tuples and lists, in order; a list of numbers stays whole."""
    if isinstance(grads, (tuple, list)) and not is_numbers(grads):
        for part in grads:
            yield from flatten(part, file)
    elif isinstance(grads, dict):
        yield from flatten(list(grads.values()), file)
    else:
        yield grads


def is_numbers(value):
    """Whether a value is a list of plain numbers, or of such lists: an array written as one."""
    return isinstance(value, list) and len(value) > 0 and all(
        isinstance(part, (float, int)) or is_numbers(part) for part in value)


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
