"""A layer of torch_impl/ run on an example, with all on the way to its result kept by name."""

import ast
import collections
from typing import NamedTuple

import numpy as np
import torch

from ...layers.both import differentiable, on_torch
from ...layers.source import HOUSE, torch_path
from .trace import made_by


class Kept(NamedTuple):
    """A tensor of torch, and how it is called."""

    name: str    # as in "h", "down.weight", "self.softmax(...)", "(input of self.proj)"
    where: str   # the tag of the line that made it, as in "LM-3, time 2"; empty for no such line
    tensor: torch.Tensor

    @property
    def key(self):
        """The name that no other has, as in "x of LM-3, time 2"."""
        return f"{self.name} of {self.where}" if self.where else self.name


class TorchRun(NamedTuple):
    """What a run of a layer left behind, after y.backward(dy)."""

    made: list   # of Made: what its own lines made
    kept: dict   # of Kept, by key
    walk: list   # the names of the nodes of autograd's graph, in the order in which they ran


def run(layer, sizes, example, dy):
    """Return the TorchRun of an example and a cotangent."""
    module, inputs, constants = on_torch(layer, sizes, example)
    outside = {name: inputs[name] for name in differentiable(example)}
    outside |= dict(module.named_parameters())
    kept, walk = [Kept(name, "", tensor) for name, tensor in outside.items()], []
    watch(module, kept)
    y, made = made_by(lambda: module(*inputs.values(), **constants),
                      HOUSE / torch_path(layer.stem), retained)
    kept += of_lines(made) + saved(y)
    for node in nodes_behind(y):
        node.register_prehook(lambda _, name=node.name(): walk.append(name))
    y.backward(torch.from_numpy(np.array(dy)))
    return TorchRun(made, {one.key: one for one in kept}, walk)


def retained(value):
    """Return a tensor of floats, whose gradient backward is to keep; None for all else."""
    if not isinstance(value, torch.Tensor) or not value.is_floating_point():
        return None
    if value.requires_grad:
        value.retain_grad()
    return value


def watch(module, kept):
    """Keep what goes into each part of the module, and what comes out of it, under its name."""
    def note(name):
        def hook(_, arguments, result):
            for called, tensor in ((f"(input of self.{name})", arguments[0]),
                                   (f"self.{name}(...)", result)):
                if retained(tensor) is not None:
                    kept.append(Kept(called, "", tensor))
        return hook
    for name, part in module.named_children():
        part.register_forward_hook(note(name))


def of_lines(made):
    """Return the Kept of what lines made; where one runs again, they are told apart by their time.

    Of what is returned only that of tagged lines: a helper's result has a name where it is called.
    """
    times, found = collections.Counter(), []
    for one in made:
        where = one.tags[-1] if one.tags else f"line {one.node.lineno}"
        returned = isinstance(one.node, ast.Return)
        if returned and not one.tags:
            continue
        name = "the result" if returned else one.name
        times[name, where] += 1
        time = f", time {times[name, where]}" if times[name, where] > 1 else ""
        found.append(Kept(name, where + time, one.value))
    return found


def saved(y):
    """Return what the last node of autograd's graph saved for its backward.

    Source: https://docs.pytorch.org/docs/stable/notes/autograd.html#saved-tensors
    """
    attributes = {name: getattr(y.grad_fn, name) for name in dir(y.grad_fn)
                  if name.startswith("_saved_")}
    return [Kept(f"y.grad_fn.{name}", "", value.detach()) for name, value in attributes.items()
            if isinstance(value, torch.Tensor)]


def nodes_behind(y):
    """Return the nodes of autograd's graph, without those that add into the .grad of leaves."""
    found, waiting = {}, [y.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in found and "AccumulateGrad" not in node.name():
            found[node] = None
            waiting += [before for before, _ in node.next_functions]
    return list(found)
