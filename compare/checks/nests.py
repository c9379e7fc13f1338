"""Arguments and gradients as somebody writes them: nests of arrays, and the same by name."""

import copy
import sys

import numpy as np

MARKS = "d", "d_", "grad_", "g_"  # before the name of an array, of the name of its gradient


class Unfit(ValueError):
    """What keeps somebody's layer from being judged, in one sentence."""


def own_stream(seed):
    """Return a generator whose numbers nobody's example has: with the plain seed, an example that
    is drawn from default_rng(0) would equal its cotangent, which makes wrong gradients right."""
    return np.random.default_rng([seed, 1717])


def named_leaves(value, name):
    """Yield (dotted name, leaf) of a nest of tuples, lists and dicts."""
    parts = branches(value)
    if parts is None:
        yield name, value
    for part, branch in (parts or {}).items():
        yield from named_leaves(branch, f"{name}.{part}")


def branches(value):
    """Return the parts of a tuple, list or dict by name; None for anything else."""
    if isinstance(value, dict):
        return {str(key): part for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        return dict(zip(getattr(value, "_fields", map(str, range(len(value)))), value))
    return None


def rebuilt(value, name, leaf):
    """Return a nest of the same form with leaf(dotted name, value) in place of each leaf."""
    if isinstance(value, dict):
        return {key: rebuilt(part, f"{name}.{key}", leaf) for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        parts = [rebuilt(part, f"{name}.{key}", leaf) for key, part in branches(value).items()]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return leaf(name, value)


def is_tensor(value):
    """Whether a value is a torch tensor; torch is not imported for the question."""
    return "torch" in sys.modules and isinstance(value, sys.modules["torch"].Tensor)


def as_numbers(value):
    """Return a tensor, a number or an array as an array; other values as they are."""
    if is_tensor(value):
        value = value.detach().resolve_conj().cpu().numpy()
    return np.asarray(value) if isinstance(value, (np.ndarray, np.generic)) else value


def has_gradient(value):
    """Whether an argument is an array of floats, or a tensor of them."""
    value = as_numbers(value)
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def array_of(value, what):
    """Return a result as an array of numbers; raises ValueError for anything else."""
    value = as_numbers(value)
    if isinstance(value, (int, float, complex)):
        value = np.asarray(value)
    if not isinstance(value, np.ndarray):
        raise Unfit(f"{what} is of type {type(value).__name__}; allowed: an array")
    if value.dtype.kind not in "fciub":
        raise Unfit(f"{what} has dtype {value.dtype}; allowed: numbers")
    return value


class Arguments:
    """The arguments of a forward by name; `arrays` are those with a gradient, in float64."""

    def __init__(self, values, torch=False):
        self.values, self.torch = values, torch
        leaves = {name: leaf for key, value in values.items()
                  for name, leaf in named_leaves(value, key)}
        self.arrays = {name: np.array(as_numbers(leaf), dtype=float)
                       for name, leaf in leaves.items() if has_gradient(leaf)}
        self.constants = {name: as_numbers(leaf) for name, leaf in leaves.items()
                          if name not in self.arrays}
        for name, leaf in self.constants.items():
            if isinstance(leaf, np.ndarray) and leaf.dtype.kind not in "iub":
                raise Unfit(f"{name} has dtype {leaf.dtype}; allowed: floats, integers, bools")

    def built(self, arrays):
        """Return the arguments by name with these arrays in them, as fresh copies."""
        def leaf(name, value):
            return self.own(arrays[name]) if name in self.arrays else self.own(value)
        return {name: rebuilt(value, name, leaf) for name, value in self.values.items()}

    def own(self, value):
        """Return a copy of a value as the functions want it: arrays, or torch tensors."""
        value = as_numbers(value)
        if isinstance(value, np.ndarray) and self.torch:
            import torch
            return torch.from_numpy(np.array(value))
        return np.array(value) if isinstance(value, np.ndarray) else copy.deepcopy(value)

    def by_name(self, gradients):
        """Return gradients by the names of the arrays, None for one that is not written yet."""
        owners = {name: value for name, value in self.values.items() if has_any_gradient(value)}
        if gradients is None:
            return dict.fromkeys(self.arrays)
        if len(owners) == 1 and has_form(gradients, *owners.values()):
            return matched(gradients, *owners.values(), *owners)
        if isinstance(gradients, dict) or named_as(gradients, owners):
            return dict_by_name(branches(gradients), owners)
        parts = list(gradients) if isinstance(gradients, (tuple, list)) else [gradients]
        if len(parts) == len(self.values) > len(owners):  # as torch: None for what has none
            parts = [part for part, name in zip(parts, self.values) if name in owners]
        if len(parts) == len(owners):
            found = {}
            for part, (name, value) in zip(parts, owners.items()):
                found |= matched(part, value, name)
            return found
        flat = [leaf for part in parts for _, leaf in named_leaves(part, "")]
        if len(flat) != len(self.arrays):
            raise Unfit(f"backward returns {len(flat)} gradients; allowed: {len(self.arrays)}, "
                        f"of {', '.join(self.arrays)}")
        return dict(zip(self.arrays, flat))


def has_form(gradients, value):
    """Whether gradients have the form of one argument: an array for an array, a nest for a nest."""
    parts, owners = branches(gradients), branches(value)
    if parts is None or owners is None:
        return parts is owners
    return len(parts) == sum(has_any_gradient(part) for part in owners.values())


def has_any_gradient(value):
    """Whether an argument holds an array of floats, itself or in its parts."""
    return any(has_gradient(leaf) for _, leaf in named_leaves(value, ""))


def named_as(gradients, names):
    """Whether gradients are a NamedTuple whose fields are names, or names with a mark before."""
    fields = getattr(gradients, "_fields", None)
    return bool(fields) and all(
        any(field == mark + name for mark in ("", *MARKS) for name in names) for field in fields)


def matched(gradient, value, name):
    """Return the gradients of one argument by the names of its arrays."""
    parts = branches(value)
    if parts is None:
        if isinstance(gradient, (tuple, list)) and len(gradient) == 1:
            gradient, = gradient
        return {name: gradient}
    owners = {key: part for key, part in parts.items() if has_any_gradient(part)}
    given = dict.fromkeys(owners) if gradient is None else branches(gradient)
    if given is not None and isinstance(gradient, dict):
        given = {name_in(key, owners, name): part for key, part in given.items()}
    elif given is not None and len(given) == len(owners):
        given = dict(zip(owners, given.values()))
    if given is None or given.keys() != owners.keys():
        raise Unfit(f"the gradient of {name} has {len(given or [0])} parts; allowed: "
                    f"{len(owners)}, of {', '.join(owners)}")
    found = {}
    for key, part in owners.items():
        found |= matched(given[key], part, f"{name}.{key}")
    return found


def dict_by_name(gradients, owners):
    """Return the gradients in a dict by the names of the arrays; raises ValueError for others."""
    found = {}
    for key, gradient in gradients.items():
        name = name_in(key, owners, "backward")
        found |= matched(gradient, owners[name], name)
    if missing := [name for name in owners if not any(
            key == name or key.startswith(f"{name}.") for key in found)]:
        raise Unfit(f"backward returns no gradient of {', '.join(missing)}; allowed: "
                    "one of each, or None for one that is not written yet")
    return found


def name_in(key, names, what):
    """Return the name that a key of a dict of gradients means: x, dx, d_x or grad_x."""
    if str(key) in names:
        return str(key)
    for name in names:
        if str(key) in [mark + name for mark in MARKS]:
            return name
    raise Unfit(f"{what} returns a gradient named {key}; allowed: {', '.join(names)}")
