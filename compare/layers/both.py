"""The same arrays into both implementations: the error of the output and of each gradient.

Torch is imported where it runs: what only asks for NumPy's side does not wait for it.
"""

from typing import NamedTuple

import numpy as np

from reference.tools import tree

from .row import Example, is_values
from .streams import stream


class Outcome(NamedTuple):
    """What one implementation made of an example."""

    output: np.ndarray
    gradients: dict  # arrays by the name of the argument or the dotted name of the parameter


def relative_error(found, truth, smallest):
    """Return max |found - truth| / max(max |truth|, smallest); a NaN anywhere makes it infinite."""
    found, truth = np.asarray(found), np.asarray(truth)
    if found.shape != truth.shape:
        return np.inf
    difference = np.abs(found - truth).max()
    error = difference / max(np.abs(truth).max(), smallest)
    return float(error) if np.isfinite(error) else np.inf


def draw_cotangent(layer, example, seed):
    """Return a normal cotangent, O(1), never ones: a wrong softmax gradient passes with ones."""
    return cotangent_like(forward(layer, example)[0], seed)


def cotangent_like(y, seed):
    """Return the same for an output that is there."""
    drawn = stream(seed, "cotangent").standard_normal(np.shape(y))
    return np.asarray(drawn).astype(y.dtype)


def forward(layer, example):
    """Return (y, cache) of the NumPy side."""
    params = () if example.params is None else (example.params,)
    return layer.numpy.forward(*example.inputs.values(), *params, **example.options,
                               **example.constants)


def backward(layer, example, dy, cache):
    """Return the gradients of the NumPy side by name."""
    grads = layer.numpy.backward(dy, cache)
    names = differentiable(example)
    if example.params is not None:
        names = [*names, None]
    grads = (grads,) if len(names) == 1 else grads
    named = {}
    for name, grad in zip(names, grads, strict=True):
        named.update({name: grad} if name else tree.walk(grad))
    return named


def differentiable(example):
    """Return the names of the inputs that have a gradient: the floats."""
    return [name for name, a in example.inputs.items() if a.dtype.kind in "fc"]


def run_numpy(layer, example, dy):
    """Return the Outcome of reference/."""
    y, cache = forward(layer, example)
    return Outcome(y, backward(layer, example, dy, cache))


def run_torch(layer, sizes, example, dy):
    """Return the Outcome of torch_impl/, its gradients by autograd."""
    import torch

    from . import weights
    module, inputs, constants = on_torch(layer, sizes, example)
    y = module(*inputs.values(), **constants)
    y.backward(torch.from_numpy(np.array(dy)))
    gradients = {name: inputs[name].grad.numpy() for name in differentiable(example)}
    return Outcome(y.detach().numpy(), gradients | weights.gradients(module))


def on_torch(layer, sizes, example):
    """Return (module, inputs, constants): an example as torch takes it, in
    module(*inputs, **constants)."""
    import torch

    from . import weights
    module = layer.module(sizes, example).eval()  # dropout only where masks are given
    if example.params is not None:
        weights.load_into(module, example.params)
    inputs = {name: torch.from_numpy(np.array(a)) for name, a in example.inputs.items()}
    constants = {name: a if a is None else weights.to_torch(a)
                 for name, a in example.constants.items()}
    for name in differentiable(example):
        inputs[name].requires_grad_()
    return module, inputs, constants


def compare(ours, theirs, smallest):
    """Return the relative errors of one Outcome against another: "output", "d x", "d weight" ...

    smallest(name) is the size against which the errors of smaller results are measured.
    Raises ValueError for an Outcome with other gradients.
    """
    truth, found = named(theirs), named(ours)
    if found.keys() != truth.keys():
        raise ValueError(f"backward returns the gradients {', '.join(ours.gradients)}; allowed: "
                         f"{', '.join(theirs.gradients)}, the inputs' first, then Params")
    return {name: relative_error(found[name], truth[name], smallest(name)) for name in found}


def named(outcome):
    """Return the arrays of an Outcome by name: "output", "d x", "d weight" ..."""
    return {"output": outcome.output} | {f"d {n}": g for n, g in outcome.gradients.items()}


def outcome(results):
    """Return the Outcome of arrays by name, the other way round than `named`."""
    return Outcome(results["output"], {name.removeprefix("d "): array
                                       for name, array in results.items() if name != "output"})


def rounding(layer, sizes, example, dy, truth, seed):
    """Return how far each result of torch moves when every input moves by up to eight units in
    the last place: the roundings of a chain of operations move its values about as much.

    It is the largest of eight draws; they hold the condition of the problem and torch's own
    rounding errors, which are of the size of ours.
    """
    rng = stream(seed, "rounding")
    eps = np.finfo(dy.dtype).eps

    def nudge(a):
        if a.dtype.kind not in "f":
            return a
        return (a * (1 + eps * rng.integers(-8, 9, a.shape))).astype(a.dtype)

    moved = dict.fromkeys(named(truth), 0.0)
    for _ in range(8):
        nudged = Example({name: nudge(a) for name, a in example.inputs.items()},
                         example.params and tree.map(nudge, example.params),
                         example.options,
                         {name: nudge(a) if is_values(a) else a
                          for name, a in example.constants.items()})
        other = named(run_torch(layer, sizes, nudged, nudge(dy)))
        for name, result in named(truth).items():
            moved[name] = max(moved[name], float(np.abs(other[name] - result).max()))
    return moved


def collapse(name):
    """Return the name with the number of the block left out: blocks.1.mlp -> blocks.*.mlp."""
    return ".".join("*" if part.isdigit() else part for part in name.split("."))
