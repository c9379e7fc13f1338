"""GPT-2's weights: its names and layout to ours and back; weight_files.py reads their files."""

import re

import numpy as np

from reference import gpt
from reference.tools import tree

from ..layers.params import as_params
from .naming import check_names, as_found, is_floats, unprefixed

TABLE = [line.split() for line in """
    wte.weight              embedding.token.weight         V,C
    wpe.weight              embedding.position.weight      S,C
    h.*.ln_1.weight         blocks.*.norm_1.weight         C
    h.*.ln_1.bias           blocks.*.norm_1.bias           C
    h.*.attn.c_attn.weight  blocks.*.attention.qkv.weight  C,3C
    h.*.attn.c_attn.bias    blocks.*.attention.qkv.bias    3C
    h.*.attn.c_proj.weight  blocks.*.attention.proj.weight C,C
    h.*.attn.c_proj.bias    blocks.*.attention.proj.bias   C
    h.*.ln_2.weight         blocks.*.norm_2.weight         C
    h.*.ln_2.bias           blocks.*.norm_2.bias           C
    h.*.mlp.c_fc.weight     blocks.*.mlp.up.weight         C,4C
    h.*.mlp.c_fc.bias       blocks.*.mlp.up.bias           4C
    h.*.mlp.c_proj.weight   blocks.*.mlp.down.weight       4C,C
    h.*.mlp.c_proj.bias     blocks.*.mlp.down.bias         C
    ln_f.weight             norm.weight                    C
    ln_f.bias               norm.bias                      C
""".strip().splitlines()]  # GPT-2's name, ours, the axes there
BUFFER = re.compile(r"h\.\d+\.attn\.(masked_)?bias")  # constants of its causal mask, not weights
PREFIX = re.compile(r"(?:module\.|_orig_mod\.)*(?:transformer\.)?")  # of DDP, compile, GPT-2's
HEAD = 64  # D, the channels of a head in every GPT-2


def from_gpt2(state_dict, n_head=None):
    """Return Config and Params of GPT-2 weights, NumPy arrays or torch tensors by GPT-2's names.

    The result owns its memory, in the widest dtype found, at least float32. The file does not
    tell the number of heads: n_head, or C / 64. Raises ValueError that names every wrong key.
    Source: Radford et al. (2019), in the naming of the published checkpoints.
    """
    arrays = {name: a for name, a in unprefixed(state_dict, PREFIX).items()
              if not BUFFER.fullmatch(name)}
    check_function(arrays, [str(name) for name in state_dict])
    head = arrays.pop("lm_head.weight", None)
    layers = {name.split(".")[1] for name in arrays if re.match(r"h\.\d+\.", name)}
    names = dict(renamed(max(1, len(layers))))
    sizes = check_layout(arrays, names)
    if head is not None and not np.array_equal(head, arrays["wte.weight"], equal_nan=True):
        raise ValueError("lm_head.weight differs from wte.weight; allowed: a tied head")
    V, S, C = (sizes[letter] for letter in "VSC")
    if n_head is None and C % HEAD:
        raise ValueError(f"n_embd is {C}; allowed: a multiple of {HEAD} where n_head is not given")
    config = gpt.Config(V, S, len(layers), C // HEAD if n_head is None else n_head, C)
    dtype = np.result_type(np.float32, *(a.dtype for a in arrays.values()))
    ours = {names[name][0]: turned(name, a, dtype) for name, a in arrays.items()}
    return config, as_params(config, ours)


def to_gpt2(config, params):
    """Return {GPT-2's name: array}, a copy of the parameters in its layout.

    Raises ValueError if the parameters have other than config.n_layer blocks.
    """
    if len(params.blocks) != config.n_layer:
        raise ValueError(f"params has {len(params.blocks)} blocks; "
                         f"allowed: n_layer = {config.n_layer}")
    theirs = {ours: name for name, (ours, _) in renamed(config.n_layer)}
    return {theirs[ours]: turned(theirs[ours], a, a.dtype) for ours, a in tree.walk(params)}


def renamed(n_layer):
    """Yield (GPT-2's name, (ours, the axes there)) for each parameter of n_layer blocks."""
    for theirs, ours, axes in TABLE:
        for i in range(n_layer if "*" in theirs else 1):
            yield theirs.replace("*", str(i)), (ours.replace("*", str(i)), axes.split(","))


def turned(name, a, dtype):
    """Return a copy, transposed where GPT-2 has (in, out) and we have (out, in), or back."""
    return np.array(a.T if ".c_" in name else a, dtype, order="C")  # a bias is its own transpose


def check_function(arrays, names):
    """Refuse a model that is not GPT-2's function: nanoGPT's own, by the marks that it has."""
    shapes = [a.shape for name, a in arrays.items() if name.endswith(".attn.c_attn.weight")]
    linear = shapes and all(len(shape) == 2 and shape[0] == 3 * shape[1] for shape in shapes)
    unbiased = shapes and not any(name.endswith(".bias") for name in arrays)
    marks = ["linear weights as (out, in)"] * bool(linear) + ["no biases"] * bool(unbiased)
    if not marks:
        return
    marks += [f"the prefix {prefix} of {origin}" for prefix, origin in (
        ("_orig_mod.", "torch.compile"), ("module.", "DistributedDataParallel"))
        if any(f".{prefix}" in f".{name}" for name in names)]
    raise ValueError(f"state_dict is another function than GPT-2, as nanoGPT's own models are: "
                     f"it has {', '.join(marks)}, and so the exact GELU; allowed: GPT-2's weights, "
                     "as (in, out), with biases, for the GELU by tanh")


def check_layout(arrays, names):
    """Return the sizes by letter; refuse wrong names, shapes and dtypes, all in one ValueError."""
    sizes = {}
    unfit = {name: as_found(arrays[name]) for name, (_, axes) in names.items()
             if name in arrays and not fits(arrays[name], axes, sizes)}
    known = "".join(f", {letter} = {n}" for letter, n in sizes.items())
    check_names(arrays, {name: ", ".join(axes) for name, (_, axes) in names.items()}, unfit,
                f"GPT-2's names and shapes, of floats{known}")
    return sizes


def fits(a, axes, sizes):
    """Tell whether these are floats with axes such as ["C", "3C"]; take on sizes not yet known."""
    return is_floats(a) and a.ndim == len(axes) and all(
        n == int(axis[:-1] or 1) * sizes.setdefault(axis[-1], n // int(axis[:-1] or 1))
        for n, axis in zip(a.shape, axes))
