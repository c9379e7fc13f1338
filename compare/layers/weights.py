"""Parameters and AdamW's state of one side as the other's: a dotted name is the same array."""

import numpy as np
import torch

from reference import adamw
from reference.tools import tree

from .params import as_params


def to_torch(values):
    """Return the tree with a torch tensor, its memory its own, for every array."""
    return tree.map(lambda a: torch.from_numpy(np.array(a)), values)


def load_into(module, params, shared=False):
    """Give the torch module the NumPy parameters and their dtype: copies, or if shared the same
    memory.

    Raises ValueError where the two have other names.
    """
    arrays, theirs = dict(tree.walk(params)), dict(module.named_parameters())
    if arrays.keys() != theirs.keys():
        raise ValueError(f"Params has {', '.join(arrays)}; allowed: the names that "
                         f"{type(module).__name__} has, {', '.join(theirs)}")
    own = (lambda a: np.require(a, requirements="W")) if shared else np.array
    module.load_state_dict({name: torch.from_numpy(own(a)) for name, a in arrays.items()},
                           assign=True)
    return module


def gradients(module):
    """Return the torch module's gradients as NumPy arrays by dotted name."""
    return {name: p.grad.numpy() for name, p in module.named_parameters()}


def params_of(model, config):
    """Return a torch model's parameters as NumPy's; the inverse of load_into."""
    return as_params(config, {name: p.detach().cpu().numpy().copy()
                                         for name, p in model.named_parameters()})


def state_of(optimizer, model, config):
    """Return torch's AdamW state of a model as NumPy's: step 0 and zeros before the first update.

    Raises ValueError if some parameters were updated more often than others.
    """
    states = {name: optimizer.state.get(p, {}) for name, p in model.named_parameters()}
    steps = {int(state.get("step", 0)) for state in states.values()}
    if len(steps) > 1:
        raise ValueError(f"optimizer has the steps {sorted(steps)}; allowed: one for all")

    def mean(key):
        return as_params(config, {
            name: states[name].get(key, torch.zeros_like(p)).detach().cpu().numpy().copy()
            for name, p in model.named_parameters()})

    return adamw.State(steps.pop(), mean("exp_avg"), mean("exp_avg_sq"))


def set_state(optimizer, model, state):
    """Give torch's AdamW the state that NumPy's has, so that it makes the same next update."""
    names = {p: name for name, p in model.named_parameters()}
    order = [names[p] for group in optimizer.param_groups for p in group["params"]]
    m, v = dict(tree.walk(state.m)), dict(tree.walk(state.v))
    optimizer.load_state_dict(optimizer.state_dict() | {"state": {
        i: {"step": torch.tensor(float(state.step)), "exp_avg": torch.tensor(m[name]),
            "exp_avg_sq": torch.tensor(v[name])} for i, name in enumerate(order)}})
