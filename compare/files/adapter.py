"""The file of adapters: what LoRA learned for a model, by the names of the weights it adapts."""

import hashlib

import numpy as np

from reference.labs import lora
from reference.tools import tree

from ..layers.params import as_params, shapes
from .naming import as_found, check_names, is_floats
from .weight_files import read_weights, write_safetensors
from .whole import written_whole

FIRST = "blocks.0.attention.q.weight.a"  # tells the rank
MARK, SCALE = "model", "scale"           # arrays of the file beside the adapters


def mark_of(params):
    """Return what tells a model from another of the same sizes: uint8 (32,)."""
    sha = hashlib.sha256(params.norm.weight.tobytes())
    for block in params.blocks:
        sha.update(block.norm_1.weight.tobytes() + block.norm_2.weight.tobytes())
    return np.frombuffer(sha.digest(), np.uint8)


def save_adapters(path, adapters, scale, mark):
    """Write the file, whole or not at all, in place of one that is there; raises OSError."""
    arrays = {MARK: mark, SCALE: np.array(scale, np.float64)} | dict(tree.walk(adapters))
    with written_whole(path) as file:
        write_safetensors(file, arrays)


def load_adapters(path, config, params):
    """Return (adapters, scale) of a file for a llama of a Config and Params.

    Raises ValueError for a file that is missing or damaged, or of another model.
    """
    arrays = read_weights(path)
    R = arrays[FIRST].shape[0] if FIRST in arrays and arrays[FIRST].ndim == 2 else 1
    wanted = {MARK: (32,), SCALE: ()}
    adapted = [(name, shape) for name, shape in shapes(config)
               if name.startswith("blocks.") and len(shape) == 2]
    for name, (n_out, n_in) in adapted:
        wanted |= {f"{name}.a": (R, n_in), f"{name}.b": (n_out, R)}
    unfit = {name: as_found(arrays[name]) for name, shape in wanted.items() if name in arrays
             and not (arrays[name].shape == shape and (name == MARK or is_floats(arrays[name])))}
    check_names(arrays, {name: ", ".join(map(str, shape)) for name, shape in wanted.items()},
                unfit, "adapters of all linear weights of its model's blocks",
                f"adapter is {path}, which")
    if not np.array_equal(arrays[MARK], mark_of(params)):
        raise ValueError(f"adapter is {path}, which was learned for another model; "
                         "allowed: one of this model")
    if not 0 < arrays[SCALE] < np.inf:
        raise ValueError(f"adapter is {path}, whose scale is {arrays[SCALE]}; allowed: above 0")
    pairs = {name: lora.Params(arrays[f"{name}.a"], arrays[f"{name}.b"]) for name, _ in adapted}
    return as_params(config, {name: pairs.get(name, ()) for name, _ in shapes(config)}), float(
        arrays[SCALE])
