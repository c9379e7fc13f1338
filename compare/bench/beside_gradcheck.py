"""The oracles beside torch.autograd.gradcheck: how long each takes, and what each finds.

gradcheck is for functions of torch, so ours goes before it as one whose forward and backward are
NumPy's. A check of each kind is one process; they take turns, as in bench.py. As a process,
python -m compare.bench.beside_gradcheck CHECK SIZES answers to "time SECONDS" with the median
seconds of the check in about so many seconds.
"""

import contextlib
import json
import sys
import time

import numpy as np
import torch
from torch.autograd import gradcheck

from reference.tools import tree

from ..checks import at_size, oracles
from ..checks.trial import Trial, allowed
from ..layers import both
from ..layers.row import Example
from ..layers.sizes import sizes
from ..layers.streams import stream
from ..layers.table import LAYERS
from ..progress import waiting
from .bench import Side, duel, machine, ratio_by_turns

MODELS = [  # sizes of the GPT's row; at the last the default mode would take hours
    dict(B=2, T=8, V=16, S=1, L=1, H=2, D=8),
    dict(B=2, T=8, V=16, S=1, L=2, H=2, D=8),
    dict(B=2, T=8, V=16, S=1, L=4, H=2, D=8),
    dict(B=2, T=8, V=16, S=1, L=8, H=2, D=32),
]
FAULTS = 5e-4, 1e-6  # relative, in one array of gradients at a time


def torch_function(layer, example, fault):
    """Return (function, tensors) for gradcheck: NumPy's forward and backward as torch's.

    fault is {name of an array: the factor of its gradient}.
    """
    arrays = oracles.variables(example)

    class Ours(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *tensors):
            given = dict(zip(arrays, (tensor.detach().numpy() for tensor in tensors)))
            inputs = example.inputs | {n: a for n, a in given.items() if n in example.inputs}
            ctx.example = Example(inputs, example.params and tree.unwalk(example.params, given),
                                  example.options, example.constants)
            y, ctx.cache = both.forward(layer, ctx.example)
            return torch.from_numpy(np.array(y))

        @staticmethod
        def backward(ctx, dy):
            grads = both.backward(layer, ctx.example, dy.contiguous().numpy(), ctx.cache)
            return tuple(map(torch.from_numpy, faulty(grads, fault).values()))

    return Ours.apply, [torch.tensor(array, requires_grad=True) for array in arrays.values()]


def by_gradcheck(layer, n, example, fault, fast):
    """Whether gradcheck passes the gradients, at its own tolerances."""
    function, tensors = torch_function(layer, example, fault)
    return gradcheck(function, tensors, fast_mode=fast, raise_exception=False)


def by_adjoint(layer, n, example, fault):
    """Whether the adjoint test passes the gradients."""
    y, cache = both.forward(layer, example)
    dy = np.asarray(stream(0, "cotangent").standard_normal(np.shape(y)))
    gradients = faulty(both.backward(layer, example, dy, cache), fault)
    error = oracles.adjoint_error(layer, example, dy, gradients, stream(0, "direction"))
    return error <= allowed(layer, "adjoint")


def by_oracles(layer, n, example, fault):
    """Whether all oracles of `check --sizes` pass the gradients."""
    trial = Trial(layer, n, 0, example=example)
    trial.ours = trial.ours._replace(gradients=faulty(trial.ours.gradients, fault))
    return not at_size.findings(trial).failures


def faulty(gradients, fault):
    """Return gradients by name, with a fault in some."""
    return gradients | {name: gradients[name] * factor for name, factor in fault.items()}


CHECKS = {  # each passes right gradients: (layer, sizes, example, fault) -> bool
    "adjoint": by_adjoint,
    "all oracles": by_oracles,
    "gradcheck fast": lambda *given: by_gradcheck(*given, fast=True),
    "gradcheck default": lambda *given: by_gradcheck(*given, fast=False),
}


def time_beside(turns):
    """Return, for each model, its parameters and arrays, and the answers of each check by turns."""
    found = []
    for n in waiting.over(MODELS, lambda n: f"C = {n['H'] * n['D']}"):
        names = [*CHECKS][:3 if n is MODELS[-1] else 4]
        with contextlib.ExitStack() as stack:
            these = {name: stack.enter_context(Side(name, n, 1, module="beside_gradcheck"))
                     for name in names}
            params = LAYERS["gpt"].example(n, 0).params
            found.append({"sizes": n, "parameters": tree.count(params),
                          "arrays": len(tree.leaves(params)),
                          "turns": duel(these, turns, "time 0.5")})
    return found


def finds():
    """Return, for each layer and size of fault, in how many of its arrays each check finds one.

    Each array of gradients has one in turn, at the sizes of the study of steps.
    """
    found = {}
    for stem, layer in waiting.over(LAYERS.items(), lambda pair: pair[0]):
        n = sizes(layer.letters, "study")
        example = layer.example(n, 0)
        names = [*oracles.variables(example)]
        found[stem] = {"arrays": len(names)} | {str(size): {
            name: sum(not check(layer, n, example, {array: 1 + size}) for array in names)
            for name, check in waiting.over(CHECKS.items(), lambda pair: pair[0])}
            for size in waiting.over(FAULTS)}
    return found


def beside_and_print(turns, path):
    """Measure, print both tables, and write everything as JSON to the path."""
    print(f"{machine()}, 1 thread, float64, {turns} turns\n")
    timed = time_beside(turns)
    print("\n".join([TIMES, *map(times_row, timed)]), flush=True)
    found = finds()
    print("\n".join([FOUND, *(finds_row(*row) for row in found.items())]))
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"machine": machine(), "times": timed, "finds": found}, file, indent=1)
    print(f"\n{path} is written")


TIMES = """milliseconds of one check of the whole model, the median of the turns; ratios turn by
turn, their median with the least and the largest

                                            gradcheck
parameters arrays  adjoint all oracles     fast   default      fast / adjoint       default / all"""
FOUND = """
in how many arrays of gradients each finds an error of that relative size, planted in one at a time

                              5e-4                            1e-6
layer           arrays adjoint  all  fast default    adjoint  all  fast default"""


def times_row(row):
    """Return the row of a model."""
    turns = row["turns"]
    cells = [f"{1e3 * float(np.median([turn['seconds'] for turn in turns[name]])):,.1f}"
             if name in turns else "" for name in CHECKS]
    pairs = ("gradcheck fast", "adjoint"), ("gradcheck default", "all oracles")
    ratios = ["{:,.0f} ({:,.0f} - {:,.0f})".format(*ratio_by_turns(turns, slow, "seconds", ours))
              if slow in turns else "" for slow, ours in pairs]
    return (f"{row['parameters']:>10,}{row['arrays']:>7}{cells[0]:>9}{cells[1]:>12}{cells[2]:>9}"
            f"{cells[3]:>10}{ratios[0]:>20}{ratios[1]:>20}").rstrip()


def finds_row(stem, row):
    """Return the row of a layer."""
    cells = ["".join(f"{row[str(size)][name]:>{width}}"
                     for name, width in zip(CHECKS, (8, 5, 6, 8))) for size in FAULTS]
    return f"{stem:<16}{row['arrays']:>6}{cells[0]}   {cells[1]}"


def seconds_of(check, n, budget):
    """Return the median seconds of a check of the whole model in about so many seconds."""
    layer, taken = LAYERS["gpt"], []
    example, end = layer.example(n, 0), time.perf_counter() + budget
    while not taken or time.perf_counter() < end:
        start = time.perf_counter()
        if not check(layer, n, example, {}):
            raise RuntimeError("a check found an error in right gradients")
        taken.append(time.perf_counter() - start)
    return {"seconds": float(np.median(taken))}


def main(name, size):
    """Answer each line of the input."""
    n = json.loads(size)
    torch.set_num_threads(n.pop("threads"))
    seconds_of(CHECKS[name], sizes(LAYERS["gpt"].letters, "study"), 0)  # warm-up
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        print(json.dumps(seconds_of(CHECKS[name], n, float(line.split()[1]))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
