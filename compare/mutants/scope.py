"""What the names of a function hold, so that an edit puts only its like in a name's place."""

import ast
import inspect
import sys
from typing import NamedTuple

import numpy as np

from ..layers import both
from ..layers.sizes import sizes
from .known import ALIKE
from .syntax import method
from ..layers.table import LAYERS

NOT_ARRAYS = {"cache", "step", "max_norm", "rate", "t", "start", "made", "length", "block_size",
              "uniform"}  # arguments


class Scope:
    """What the names of a backward hold: the arrays of one example, all of whose sizes differ."""

    def __init__(self, stem, function):
        self.function = function
        self.library = "torch" if stem.startswith("torch_impl.") else "np"
        self.gradients, self.cached = {}, {}  # Kind by expression
        if stem in LAYERS and function.name == "backward":
            self.gradients, self.cached = local_arrays(LAYERS[stem])
        arguments = {a.arg for a in function.args.args}
        lambdas = {a.arg for node in ast.walk(function) if isinstance(node, ast.Lambda)
                   for a in node.args.args}
        inner = {a.arg for node in ast.walk(function) if isinstance(node, ast.FunctionDef)
                 for a in node.args.args}
        self.given = (arguments | lambdas | inner) - NOT_ARRAYS

    def alike(self, node):
        """Return the expressions that have the same shape as a name, or stand for its like."""
        text = ast.unparse(node)
        for family in self.gradients, self.cached:
            if text in family:
                return [other for other, kind in family.items()
                        if kind.shape == family[text].shape and kind.number != family[text].number
                        and self.is_known(other, node)]
        return sorted(other for group in ALIKE if text in group for other in group - {text}
                      if other in self.names())

    def is_known(self, text, node):
        """Whether a name has a value before the line of a node."""
        return text.startswith("cache.") or text in self.bound_before(node)

    def bound_before(self, node):
        """Return the names that are bound before a line."""
        bound = {a.arg for a in self.function.args.args}
        for other in ast.walk(self.function):
            if isinstance(other, ast.Name) and isinstance(other.ctx, ast.Store) \
                    and other.lineno < node.lineno:
                bound.add(other.id)
        return bound

    def names(self):
        return {getattr(node, "id", getattr(node, "arg", None))
                for node in ast.walk(self.function)}

    def is_given(self, node):
        """Whether a node names an array of the caller's: an argument or a part of the cache."""
        text = ast.unparse(node)
        return isinstance(node, (ast.Name, ast.Attribute)) and (
            text in self.cached or text in self.given)

    def is_array(self, node):
        """Whether a node surely makes an array, which 0 * can blank."""
        kind = (self.gradients | self.cached).get(ast.unparse(node))
        return method(node) in ("sum", "sum_over_rows") or (
            kind is not None and isinstance(kind.shape[-1], tuple))

    def is_gradient(self, node):
        """Whether a node names an array among the gradients."""
        return ast.unparse(node) in self.gradients and self.is_array(node)


class Kind(NamedTuple):
    """What an expression of a backward holds."""

    shape: tuple  # what two values must share for one to stand in the other's place
    number: int   # the same for two names of one array


def local_arrays(layer):
    """Return the Kinds of what a backward holds: of its gradients, and of what is in its cache."""
    example = with_masks(layer, sizes(layer.letters, "apart"))
    dy = both.draw_cotangent(layer, example, 0)
    _, cache = both.forward(layer, example)
    frames, code = [], inspect.unwrap(layer.numpy.backward).__code__

    def watch(frame, event, _):
        if event == "return" and frame.f_code is code:
            frames.append(dict(frame.f_locals))

    sys.setprofile(watch)
    try:
        layer.numpy.backward(dy, cache)
    finally:
        sys.setprofile(None)
    paths = dict(paths_of(cache, "cache"))
    inside = {kind.number for kind in paths.values()}
    names = {name: kind for name, value in frames[0].items() if (kind := kind_of(value))}
    del names["cache"]
    cached = {name: kind for name, kind in names.items() if kind.number in inside}
    gradients = {name: kind for name, kind in names.items()
                 if name not in cached and name.startswith("d")}
    return gradients, cached | paths


def with_masks(layer, sizes):
    """Return the first example of these sizes that has all its masks."""
    for seed in range(100):
        example = layer.example(sizes, seed)
        if all(mask is not None for mask in example.constants.values()):
            return example
    raise ValueError(f"{layer.stem} drew no masks in 100 examples")


def paths_of(value, path):
    """Yield (path, Kind) of what is in a cache, as in "cache.softmax.y", the parts too."""
    for name in getattr(value, "_fields", ()):
        part = getattr(value, name)
        if kind := kind_of(part):
            yield f"{path}.{name}", kind
        yield from paths_of(part, f"{path}.{name}")


def kind_of(value):
    """Return the Kind of an array or of a part of the cache, None for anything else."""
    if isinstance(value, np.ndarray):
        return Kind((value.dtype.kind == "b", value.shape), id(value))
    if hasattr(value, "_fields"):
        return Kind((type(value).__module__, type(value).__name__), id(value))
    return None
