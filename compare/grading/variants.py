"""Functions that people write where the reference's forward is meant: which one a submission is.

Each is the layer in torch with some of its parts exchanged; autograd gives its gradients.
"""

import numpy as np
import torch

from reference.tools import tree

from ..layers import both, weights
from .gpt_variants import GPT_VARIANTS
from .llama_variants import LLAMA_VARIANTS

VARIANTS = GPT_VARIANTS | LLAMA_VARIANTS

def variant_of(stem, found, alike):
    """Return (what it is, its results by case) of the known function whose output is the
    submission's in all cases, or None."""
    function, known = VARIANTS.get(stem, (None, []))
    for words, how in known:
        with np.errstate(all="ignore"):
            if all(alike(output_of(function, case, how)[0], results["output"])
                   for case, results in reversed(found)):
                return words, [results_of(function, case, how) for case, _ in found]
    return None


def output_of(function, case, how):
    """Return (the output as an array, the tensor, the tensors that have a gradient by name)."""
    example = case.example

    def own(values):
        return {name: a if a is None else weights.to_torch(a) for name, a in values.items()}

    inputs, constants, params = own(example.inputs), own(example.constants), example.params
    if params is not None:
        params = weights.to_torch(params)
    moving = {name: inputs[name] for name in both.differentiable(example)}
    moving |= dict(tree.walk(params) if params is not None else ())
    for tensor in moving.values():
        tensor.requires_grad_()
    given = [*inputs.values(), *([] if params is None else [params])]
    y = function(*given, **example.options, **constants, **how)
    return y.detach().numpy(), y, moving


def results_of(function, case, how):
    """Return the results of a variant by name: "output", "d x" ..."""
    output, y, moving = output_of(function, case, how)
    slopes = torch.autograd.grad(y, list(moving.values()), torch.from_numpy(np.array(case.dy)),
                                 allow_unused=True)
    return {"output": output} | {
        f"d {name}": np.zeros(tuple(tensor.shape)) if slope is None else slope.numpy()
        for (name, tensor), slope in zip(moving.items(), slopes)}
