"""The forms in which people write a layer, each as a function of arrays and its gradients.

A Functions or an Instance has `arrays`, by name; `output(arrays)`, the forward; and
`gradients(arrays, dy)`, by name, None where one is not written yet.
"""

import contextlib
import copy
import inspect
import sys

import numpy as np

from .nests import (MARKS, Arguments, Unfit, array_of, as_numbers, branches, is_tensor,
                    named_leaves, own_stream)

FORWARDS, BACKWARDS = ("forward", "forward_pass", "__call__"), ("backward", "backward_pass")
LEDGERS = (("parameters", "gradients"), ("params", "grads"))  # attributes: two dicts or two lists
POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def form_of(forward, backward, inputs, options, torch=False):
    """Return the form of a pair of functions, or of an object; raises ValueError if it has none."""
    if backward is None and is_torch_function(forward):
        return Functions(forward, None, inputs, options, True)
    if not callable(forward) and method_of(forward, FORWARDS[:-1]) is None:
        raise Unfit(f"forward is of type {type(forward).__name__}; allowed: a function, or "
                    "an object or class with forward and backward")
    if backward is None and method_of(forward, BACKWARDS) is not None:
        return Instance(forward, inputs, options, torch)
    if not callable(backward):
        raise Unfit(f"backward is {backward!r}; allowed: a function, or none for an object "
                    "with forward and backward or a torch.autograd.Function")
    return Functions(forward, backward, inputs, options, torch)


def is_torch_function(value):
    """Whether a value is a subclass of torch.autograd.Function."""
    return "torch" in sys.modules and isinstance(value, type) and issubclass(
        value, sys.modules["torch"].autograd.Function)


def parameters_of(function):
    """Return the parameters of a function by name, none where Python can't tell."""
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}


def arguments_of(function, inputs, torch):
    """Return the Arguments of a tuple, a dict or a single array, in the order of the function's."""
    known = [name for name in parameters_of(function) if name != "ctx"]  # apply takes no ctx
    if not isinstance(inputs, (tuple, list, dict)) or hasattr(inputs, "_fields"):
        inputs = (inputs,)
    if not isinstance(inputs, dict):
        names = known[:len(inputs)] + [f"input {i}" for i in range(len(known), len(inputs))]
        inputs = dict(zip(names, inputs))
    elif set(known) >= set(inputs):
        inputs = {name: inputs[name] for name in known if name in inputs}
    leaves = [leaf for name, value in inputs.items() for _, leaf in named_leaves(value, name)]
    return Arguments(inputs, torch or any(map(is_tensor, leaves)))


class Functions:
    """A forward and a backward: (dy, cache) where the forward returns (y, cache), else (dy, *x).

    backward is None for a torch.autograd.Function, whose own it is.
    """

    def __init__(self, forward, backward, inputs, options, torch):
        self.forward, self.backward, self.options = forward, backward, options
        self.arguments = arguments_of(forward if backward else forward.forward, inputs, torch)
        self.arrays = self.arguments.arrays
        self.has_autograd = self.arguments.torch and backward is not None
        self.keywords = [name for name, p in parameters_of(forward).items()
                         if p.kind is inspect.Parameter.KEYWORD_ONLY]

    def called(self, arguments):
        """Return what the forward returns."""
        if self.backward is None:
            return self.forward.apply(*arguments.values(), *self.options.values())
        plain, named = self.parted(arguments)
        return self.forward(*plain, **named, **copy.deepcopy(self.options))

    def parted(self, arguments):
        """Return the arguments that the forward takes by place, and those by keyword alone."""
        return ([value for name, value in arguments.items() if name not in self.keywords],
                {name: value for name, value in arguments.items() if name in self.keywords})

    def output(self, arrays):
        """Return y; raises ValueError if the forward changes its arguments."""
        arguments = self.arguments.built(arrays)
        with unchanged("forward", arguments):
            y, _ = output_and_cache(self.called(arguments))
        return array_of(y, "the output of forward")

    def gradients(self, arrays, dy):
        """Return the gradients of sum(dy * y) by name; raises ValueError if one can't be one."""
        if self.backward is None:
            return self.autograd(arrays, dy)
        arguments, dy = self.arguments.built(arrays), own_cotangent(self.arguments, dy)
        _, cache = output_and_cache(self.called(arguments))
        plain, named = self.parted(arguments)
        if self.takes_the_cache(cache, len(plain)):
            plain, named = [cache], {}
        own = list(parameters_of(self.backward))[1 + len(plain):]
        named = {name: value for name, value in (named | copy.deepcopy(self.options)).items()
                 if name in own}
        held = {"dy": dy, "its cache": () if cache is NONE else cache} | arguments
        with unchanged("backward", held):
            made = self.backward(dy, *plain, **named)
        return self.arguments.by_name(made)

    def takes_the_cache(self, cache, count):
        """Whether the backward takes (dy, cache), not dy and the forward's arguments, so many."""
        needed = [p for p in parameters_of(self.backward).values()
                  if p.kind in POSITIONAL and p.default is p.empty]
        return cache is not NONE and (len(needed) == 2 or len(needed) != 1 + count)

    def autograd(self, arrays, dy):
        """Return the gradients of torch's autograd; None where no path leads to an array."""
        import torch
        arguments = self.arguments.built(arrays)
        leaves = dict(pair for name, value in arguments.items()
                      for pair in named_leaves(value, name))
        wanted = [leaves[name].requires_grad_() for name in arrays]
        y, _ = output_and_cache(self.called(arguments))
        found = torch.autograd.grad(y, wanted, self.arguments.own(dy), allow_unused=True)
        return dict(zip(arrays, map(as_numbers, found)))


NONE = object()  # no cache


def output_and_cache(made):
    """Return (y, cache) of what a forward returns; raises ValueError for anything else."""
    if isinstance(made, tuple) and len(made) == 2:
        return made
    if isinstance(made, (tuple, list, dict)):
        raise Unfit(f"forward returns a {type(made).__name__} of {len(made)}; allowed: y, or "
                    "(y, cache)")
    return made, NONE


def own_cotangent(arguments, dy):
    """Return a copy of dy as the functions want it: of a number, a number."""
    dy = arguments.own(dy)
    return dy if is_tensor(dy) or dy.ndim else dy[()]


@contextlib.contextmanager
def unchanged(who, values):
    """Refuse, after a with block, whoever has changed one of the values by name."""
    leaves = {name: leaf for key, value in values.items() for name, leaf in named_leaves(value, key)
              if isinstance(as_numbers(leaf), np.ndarray)}
    copies = {name: np.array(as_numbers(leaf)) for name, leaf in leaves.items()}
    yield
    for name, before in copies.items():
        is_float = before.dtype.kind in "fc"
        if not np.array_equal(as_numbers(leaves[name]), before, equal_nan=is_float):
            raise Unfit(f"{who} changes {name}; allowed: to leave what it is given as it is, and "
                        "to change a copy")


class Recorder:
    """An optimizer that keeps the gradient it is given and updates nothing."""

    def update(self, value, gradient):
        """Keep the gradient, and return the value as it is."""
        self.grad = gradient
        return value


class Instance:
    """An object, or a class that `options` build: forward(x ...), backward(dy), the rest in it.

    Its parameters are those of its attributes that have a gradient: in two dicts or lists
    (`parameters` and `gradients`, `params` and `grads`), or under two names (W and dW, W_grad,
    grad_W); or handed to an optimizer, as in W_opt.update(W, gradient).
    """

    def __init__(self, thing, inputs, options, torch):
        made = thing(**options) if isinstance(thing, type) else copy.deepcopy(thing)
        self.options = {} if isinstance(thing, type) else options
        if hasattr(made, "initialize"):
            made.initialize(Recorder())
        self.start, self.parameters = made, {}
        self.arguments = arguments_of(method_of(made, FORWARDS), inputs, torch)
        self.parameters = self.found()
        rng = own_stream(0)  # nothing stays all zeros or all ones
        drawn = {name: array + rng.standard_normal(array.shape) / 2
                 for name, array in self.parameters.items()}
        self.parameters = {name: drawn[name] for name in self.kept(drawn)}
        self.arrays, self.has_autograd = self.arguments.arrays | self.parameters, False

    def found(self):
        """Return the parameters by name, and start from an object that has them."""
        _, after, _ = self.run({}, None)
        if parameters_in(self.start, after).keys() != parameters_in(after, after).keys():
            _, self.start, _ = self.run({}, None, backward=False)  # the first forward makes them
            getattr(self.start, "flush_gradients", lambda: None)()
        return {name: np.array(as_numbers(array), dtype=float)
                for name, array in parameters_in(self.start, after).items()
                if name not in self.arguments.values}  # the forward keeps its input, most likely

    def kept(self, drawn):
        """Return the names of those that a forward leaves as they are: the others are state."""
        _, after, _ = self.run(drawn, None, backward=False)
        return [name for name, array in arrays_of(after).items()
                if name in drawn and np.array_equal(as_numbers(array), drawn[name])]

    def run(self, arrays, dy, backward=True):
        """Return (y, the object afterwards, what backward returned); a dy of None is drawn."""
        replaced = {id(array): self.arguments.own(arrays[name])  # wherever the object refers to it
                    for name, array in arrays_of(self.start).items()
                    if name in arrays and name in self.parameters}
        one = copy.deepcopy(self.start, replaced)
        arguments = self.arguments.built(self.arguments.arrays | arrays)
        with unchanged("forward", arguments):
            y = method_of(one, FORWARDS)(*arguments.values(), **copy.deepcopy(self.options))
        y = getattr(one, "output", None) if y is None else y
        if not backward:
            return y, one, None
        if dy is None:
            dy = own_stream(0).standard_normal(array_of(y, "the output of forward").shape)
        dy = own_cotangent(self.arguments, np.asarray(dy))
        with unchanged("backward", {"dy": dy} | arguments):
            made = method_of(one, BACKWARDS)(dy)
        return y, one, getattr(one, "dinputs", None) if made is None else made

    def output(self, arrays):
        """Return y; raises ValueError if the forward changes its arguments."""
        y, _, _ = self.run(arrays, None, backward=False)
        return array_of(y, "the output of forward")

    def gradients(self, arrays, dy):
        """Return the gradients of the inputs and of the parameters by name."""
        _, after, made = self.run(arrays, dy)
        return self.arguments.by_name(made) | {name: gradient_at(after, name)
                                               for name in self.parameters}


def method_of(thing, names):
    """Return the first method that an object has of these names, or None."""
    return next(filter(callable, (getattr(thing, name, None) for name in names)), None)


def arrays_of(thing):
    """Return the arrays of floats among an object's attributes and in its ledgers, by name."""
    found = dict(getattr(thing, "__dict__", {}))
    for ledger, _ in LEDGERS:
        holder = found.get(ledger)
        parts = branches(holder) if isinstance(holder, (dict, list)) else {}
        found |= {f"{ledger}.{key}": array for key, array in parts.items()}
    return {name: array for name, array in found.items()
            if getattr(as_numbers(array), "dtype", np.dtype(bool)).kind in "fc"}


def parameters_in(thing, after):
    """Return the arrays of an object that have a gradient in `after`, as it is after a backward."""
    return {name: array for name, array in arrays_of(thing).items()
            if gradient_at(after, name) is not None}


def gradient_at(thing, name):
    """Return the gradient of a parameter in an object, or None."""
    ledger, _, key = name.partition(".")
    if key:
        return (branches(getattr(thing, dict(LEDGERS)[ledger], None)) or {}).get(key)
    names = [mark + name for mark in MARKS] + [f"{name}_grad"]
    held = [getattr(thing, place, None) for place in names]
    held.append(getattr(getattr(thing, f"{name}_opt", None), "grad", None))
    return next((gradient for gradient in held if gradient is not None), None)
