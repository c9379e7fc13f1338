"""What the readers of others' weights share: names of parameters, refusals in their words."""

import re

from reference import llama

from .untrusted import quoted
from .weight_files import as_array


def unprefixed(state_dict, prefix):
    """Return {name without its prefix: array}; raises ValueError where two names become one."""
    arrays = {prefix.sub("", str(name), count=1): as_array(value)
              for name, value in state_dict.items()}
    if len(arrays) < len(state_dict):
        raise ValueError("state_dict has names both with and without a prefix, such as "
                         '"transformer." or "model."; allowed: each name once')
    return arrays


def check_names(arrays, axes, unfit, allowed, what="state_dict"):
    """Refuse missing, left over and misshapen arrays, all in one ValueError.

    axes has the shape that each name should have, in words; unfit what each wrong one is instead.
    """
    wrong = {"missing": [name for name in axes if name not in arrays],
             "left over": [quoted(name) for name in arrays if name not in axes],
             "misshapen": [f"{name} {words} for ({axes[name]})" for name, words in unfit.items()]}
    if any(wrong.values()):
        found = "; ".join(f"{len(keys)} {kind}: {', '.join(keys)}"
                          for kind, keys in wrong.items() if keys)
        raise ValueError(f"{what} has wrong keys, {found}; allowed: {allowed}")


def as_found(a):
    """Return what an array is."""
    return f"{a.shape} of {a.dtype}"


def is_floats(a):
    """Whether an array is of floats that weights are published in."""
    return a.dtype.str[1:] in ("f2", "f4", "f8")


def theirs_of(name, names):
    """Return another's name of a parameter, by a table whose * is the number of a block."""
    number = re.search(r"(?<=\.)\d+", name)
    theirs = names[re.sub(r"\.\d+", ".*", name)]
    return theirs.replace("*", number[0]) if number else theirs


def llama_config(values, names):
    """Return the llama's Config of {our field: value}; refusals have names[our field] for it."""
    for field, value in values.items():
        kind = llama.Config.__annotations__[field]
        if kind is float and type(value) is int and abs(value) < 2**1023:
            values = values | {field: float(value)}
        elif type(value) is not kind:
            raise ValueError(f"{names[field]} is {quoted(value)}; allowed: {WORDS[kind]}")
    try:
        return llama.Config(**values)
    except ValueError as error:
        raise ValueError(re.sub(r"[a-z_]+", lambda m: names.get(m[0], m[0]), str(error))) from None


WORDS = {int: "an integer of at least 1", float: "a number", bool: "true or false"}
