"""Parameters of one implementation as parameters of the other: a dotted name is the same array."""

import numpy as np
import torch

from reference import tree


def to_torch(values):
    """Return the tree with a torch tensor, its memory its own, for every array."""
    return tree.map(lambda a: torch.from_numpy(np.array(a)), values)


def load(module, params):
    """Copy the NumPy parameters into the torch module, in place, and take on their dtype."""
    arrays = dict(tree.walk(params))
    module.to(torch.from_numpy(np.empty(0, next(iter(arrays.values())).dtype)).dtype)
    module.load_state_dict({name: torch.from_numpy(np.array(a)) for name, a in arrays.items()})
    return module


def gradients(module):
    """Return the torch module's gradients as NumPy arrays by dotted name."""
    return {name: p.grad.numpy() for name, p in module.named_parameters()}
