"""What the functions of a submission take: which options, which arguments, in which order."""

import inspect
import re

import numpy as np

from .readings import OTHER_NAMES

BAG = re.compile("param|conf|opt|cfg|kwargs")  # an argument that holds the options


def order(backward, dy, values, cache):
    """Return a backward's positional arguments: dy and the cache, or what the forward was given."""
    names = required(backward)
    if cache is None:
        return [dy, *values]
    if names and names[0].lower() in ("cache", "ctx", "saved"):
        return [cache, dy]
    return [dy, *values, cache] if len(names) == 2 + len(values) else [dy, cache]


def named_in(function, keywords):
    """Return those of the keyword arguments that a function takes."""
    parameters = inspect.signature(function).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return keywords
    return {name: value for name, value in keywords.items() if name in parameters}


def required(function):
    """Return the names of the positional arguments that a function must be given."""
    parameters = inspect.signature(function).parameters
    return [name for name in positional(function)
            if parameters[name].default is inspect.Parameter.empty]


def own_name(function, option):
    """Return what a function calls an option of ours."""
    return next((name for name in inspect.signature(function).parameters
                 if name.lower() in OTHER_NAMES.get(option, ())), option)


def positional(function):
    """Return the names of the arguments that can be given by position, * for any number."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [name for name, p in inspect.signature(function).parameters.items()
            if p.kind in kinds]


def takes(function, example):
    """Return the options and constants of an example that a function has arguments for."""
    parameters = inspect.signature(function).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return {*example.options, *example.constants}
    taken = {name for name in (*example.options, *example.constants)
             if own_name(function, name) in parameters}
    if any(BAG.search(name) for name in required(function)):
        taken |= {*example.options} - {"config"}
    return taken


def is_default(layer, example, taken):
    """Whether what a function has no arguments for makes no difference in an example."""
    defaults = inspect.signature(layer.numpy.forward).parameters
    masked = any(mask is not None for mask in example.constants.values())

    def is_idle(name, value):
        if name == "rate" and example.constants:
            return not masked
        if name == "ignore_index":
            return not (example.inputs["targets"] == value).any()
        default = defaults[name].default
        return value is default or not isinstance(value, np.ndarray) and value == default

    return all(is_idle(name, value) for name, value in (example.options | example.constants).items()
               if name not in taken)
