"""A layer that is a class: its object is built, its parameters and gradients are found in it."""

import inspect
import types

import numpy as np

from ..apart import Problem
from .readings import OTHER_NAMES, by_kind, flat

FORWARD, BACKWARD = ("forward", "forward_pass", "__call__"), ("backward", "backward_pass")
INTO = {"n_in", "in_features", "input_size", "input_dim", "in_dim", "nin", "fan_in", "d_in",
        "n_inputs"}
OUT = {"n_out", "out_features", "output_size", "output_dim", "out_dim", "nout", "d_out", "n_units",
       "n_outputs", "units", "n_neurons"}
WIDTH = {"ndim", "dim", "n_embd", "d_model", "normalized_shape", "channels", "features", "size",
         "c", "d", "n_features", "num_features", "hidden_size", "embed_dim"}
LEDGERS = {"parameters": "gradients", "params": "grads"}  # attributes that hold arrays by name


class Keeper:
    """An optimizer that keeps the gradients it is given and changes nothing."""

    def __init__(self):
        self.seen = []

    def __deepcopy__(self, _):
        return self

    def update(self, value, gradient):
        self.seen.append((value, gradient))
        return value


def class_in(module, name):
    """Return the class of a file that has a name; if none was given, the only one with a forward;
    or None."""
    made = getattr(module, name.partition(".")[0], None)
    if isinstance(made, type) or name != "forward":
        return made if isinstance(made, type) else None
    found = [value for value in vars(module).values() if isinstance(value, type)
             and value.__module__ == module.__name__ and method_in(value, FORWARD[:2])]
    if len(found) > 1:
        names = ", ".join(kind.__name__ for kind in found)
        raise Problem(f"the classes {names} have a forward; allowed: --forward with the name of "
                      "one", everywhere=True)
    return found[0] if found else None


def method_in(thing, names):
    """Return the first of an object's methods that has one of the names, or None."""
    return next((getattr(thing, name) for name in names if hasattr(thing, name)), None)


def run_object(kind, case, reading, dy, own):
    """Return (output, gradients by name) of an object; own() makes an array the file's."""
    inputs, params = reading.given(case)
    keeper = Keeper()
    made = built(kind, sizes_for(case, reading))
    if hasattr(made, "initialize"):
        made.initialize(keeper)
    values = [own(a) for a in inputs.values()]
    if hasattr(made, "named_parameters"):
        return run_module(made, values, inputs, params, own(dy))
    forward, backward = method_in(made, FORWARD), method_in(made, BACKWARD)
    if backward is None:
        raise Problem(f"{kind.__name__} has no backward; allowed: one, or a module of torch")
    if not (places := placed(made, params)) and params:
        forward(*values)  # it makes its parameters when it first sees an input
        places = placed(made, params)
    for leaf, (holder, name) in places.items():
        put_in(holder, name, own(params[leaf].reshape(np.shape(get_from(holder, name)))))
    held = {leaf: get_from(*place) for leaf, place in places.items()}
    y = forward(*values)
    grads = backward(own(dy))
    found = dict(zip(inputs, flat(grads, list(params))))
    for leaf, (holder, name) in places.items():
        kept = [gradient for value, gradient in keeper.seen if value is held[leaf]]
        found[leaf] = kept[0] if kept else gradient_of(made, name)
    return y, found


def run_module(made, values, inputs, params, dy):
    """Return the same of a module of torch, by its own backward, which is autograd."""
    import torch
    theirs = list(made.double().eval().parameters())
    if [tuple(p.shape) for p in theirs] != [a.shape for a in params.values()]:
        raise Problem("its parameters are not ours in number, shape and order")
    with torch.no_grad():
        for theirs_one, array in zip(theirs, params.values()):
            theirs_one.copy_(torch.from_numpy(array.copy()))
    y, grads = by_autograd(made, values, dy)
    floats = [name for name, a in zip(inputs, values) if a.is_floating_point()]
    return y, dict(zip(floats, grads)) | {leaf: p.grad for leaf, p in zip(params, theirs)}


def by_autograd(forward, values, dy):
    """Return (output, the gradients of the tensors with floats among the values)."""
    floats = [a.requires_grad_() for a in values if a.is_floating_point()]
    y = forward(*values)
    y = y[0] if isinstance(y, tuple) else y
    y.backward(dy)
    return y, [a.grad for a in floats]


def options_taken(kind):
    """Return which options the constructor of a class has arguments for."""
    names = {name.lower() for name in inspect.signature(kind).parameters}
    taken = {name for name in ("eps", "n_head") if names & {name, *OTHER_NAMES[name]}}
    return taken | ({"n_head"} if any(map(is_config, names)) else set())


def is_config(name):
    """Whether an argument of a constructor is all that it wants to know, in one object."""
    return "conf" in name.lower() or name.lower() in ("args", "cfg")


def sizes_for(case, reading):
    """Return what the argument of a constructor may stand for, by its name in small letters."""
    sizes, options = case.sizes, case.example.options
    width = sizes.get("C") or sizes.get("I") or sizes.get("H", 0) * sizes.get("D", 0)
    known = dict.fromkeys(INTO | WIDTH, sizes.get("I", width))
    known |= dict.fromkeys(OUT, sizes.get("O", width))
    known |= {"input_shape": (sizes.get("I", width),), "bias": not reading.bare, "dropout": 0.0,
              "block_size": sizes.get("T", 1), "vocab_size": sizes.get("V", 1), **options}
    for name, others in OTHER_NAMES.items():
        known |= {other: options[name] for other in others if name in options}
    return known


def built(kind, known):
    """Return an object of a class whose constructor takes some of what is known, by name."""
    given = {}
    for name, parameter in inspect.signature(kind).parameters.items():
        if name.lower() in known:
            given[name] = known[name.lower()]
        elif is_config(name):
            given[name] = types.SimpleNamespace(**known)
        elif parameter.default is parameter.empty and parameter.kind not in (
                parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            raise Problem(f"{kind.__name__} wants {name}; allowed: what a size or an option says, "
                          "such as n_in, n_out, ndim, n_head")
    return kind(**given)


def placed(made, params):
    """Return {our name: (holder, key)} of the parameters in an object, by names and sizes."""
    holders = [getattr(made, name, None) for name in LEDGERS]
    for holder in [holder for holder in holders if isinstance(holder, dict)] + [made]:
        held = holder if isinstance(holder, dict) else vars(holder)
        arrays = {name: a for name, a in held.items() if isinstance(a, np.ndarray)}
        found = {leaf: (holder, name) for name, leaf in by_kind(list(arrays), list(params)).items()
                 if arrays[name].size == params[leaf].size}
        if len(found) == len(params):
            return found
    return {}


def gradient_of(made, name):
    """Return the gradient that an object holds of the parameter that it calls so."""
    for ledger in LEDGERS.values():
        holder = getattr(made, ledger, None)
        if isinstance(holder, dict):
            for key in (name, f"d{name}", f"grad_{name}"):
                if key in holder:
                    return holder[key]
    for key in (f"d{name}", f"grad_{name}", f"{name}_grad", f"d_{name}", f"g{name}"):
        if hasattr(made, key):
            return getattr(made, key)
    raise Problem(f"there is no gradient of {name}; allowed: an attribute such as d{name}, "
                  f"grad_{name}, or gradients[\"{name}\"]")


def get_from(holder, name):
    """Return an entry of a dict or an attribute."""
    return holder[name] if isinstance(holder, dict) else getattr(holder, name)


def put_in(holder, name, value):
    """Set an entry of a dict or an attribute."""
    if isinstance(holder, dict):
        holder[name] = value
    else:
        setattr(holder, name, value)
