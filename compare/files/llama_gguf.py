"""A llama of llama.cpp's GGUF files: the metadata and names to ours, the weights still packed."""

import re

import numpy as np

from ..layers.params import as_params, shapes
from . import gguf
from .naming import check_names, llama_config, theirs_of
from .untrusted import quoted

GGML_NAMES = dict(line.split() for line in """
    embedding.weight               token_embd.weight
    blocks.*.norm_1.weight         blk.*.attn_norm.weight
    blocks.*.attention.q.weight    blk.*.attn_q.weight
    blocks.*.attention.k.weight    blk.*.attn_k.weight
    blocks.*.attention.v.weight    blk.*.attn_v.weight
    blocks.*.attention.proj.weight blk.*.attn_output.weight
    blocks.*.norm_2.weight         blk.*.ffn_norm.weight
    blocks.*.mlp.gate.weight       blk.*.ffn_gate.weight
    blocks.*.mlp.up.weight         blk.*.ffn_up.weight
    blocks.*.mlp.down.weight       blk.*.ffn_down.weight
    norm.weight                    output_norm.weight
    head.weight                    output.weight
""".strip().splitlines())  # our name: theirs
KEYS = {"vocab_size": "llama.vocab_size", "block_size": "llama.context_length",
        "n_layer": "llama.block_count", "n_head": "llama.attention.head_count",
        "n_kv_head": "llama.attention.head_count_kv", "n_embd": "llama.embedding_length",
        "n_hidden": "llama.feed_forward_length", "rope_base": "llama.rope.freq_base",
        "eps": "llama.attention.layer_norm_rms_epsilon"}  # our field: the key
HEAD, TABLE = "output.weight", "token_embd.weight"
OF_A_HEAD = "rope.dimension_count", "attention.key_length", "attention.value_length"  # D
PLAIN = {  # keys by which a model is another function: what they may be here
    "rope.scaling.type": (None, "none"), "rope.scaling.factor": (None, 1.0),
    "rope.scale_linear": (None, 1.0), "expert_count": (None, 0),
    "attention.sliding_window": (None, 0), "use_parallel_residual": (None, False),
    "attention.layer_norm_epsilon": (None,), "attention.clamp_kqv": (None,),
    "attention.causal": (None, True), "logit_scale": (None,)}


def read_llama(path):
    """Return (Config, {our name: PackedTensor}, metadata) of a GGUF file.

    Each head's rows of the queries' and keys' weights are in the order of rope, not llama.cpp's.
    Raises ValueError for what gguf.read refuses, and for another model than a llama.
    Source: llama.cpp's gguf-py/gguf/constants.py, which has the keys and the names.
    """
    metadata, tensors = gguf.read(path)
    config = config_of_metadata(metadata, tensors)
    wanted = {theirs_of(name, GGML_NAMES): (name, shape) for name, shape in shapes(config)}
    unfit = {name: str(tensors[name].shape) for name, (_, shape) in wanted.items()
             if name in tensors and tensors[name].shape != shape}
    check_names(tensors, {name: ", ".join(map(str, shape)) for name, (_, shape) in wanted.items()},
                unfit, "a llama's names, in the shapes that its metadata says",
                f"weights is {path}, which")
    heads = {"q": config.n_head, "k": config.n_kv_head}
    found = {}
    for theirs, (name, _) in wanted.items():
        kind = re.search(r"attention\.([qk])", name)
        tensor = tensors[theirs]
        found[name] = tensor if not kind else tensor._replace(
            packed=gguf.from_interleaved(tensor.packed, heads[kind[1]]))
    return config, found, metadata


def floats_of(config, tensors):
    """Return the Params of a llama with every weight as float32."""
    return as_params(config, {name: tensor.floats() for name, tensor in tensors.items()})


def kept_of(config, tensors):
    """Return the Params of a llama with every weight as PackedTensor.kept returns it."""
    return as_params(config, {name: tensor.kept() for name, tensor in tensors.items()})


def config_of_metadata(metadata, tensors):
    """Return the Config that the metadata of a file describes; refuse what is no plain llama."""
    architecture = metadata.get("general.architecture")
    if architecture != "llama":
        raise ValueError(f"general.architecture is {quoted(architecture)}; allowed: llama")

    def told(key, default=None):
        return metadata.get(f"llama.{key}", default)

    for key, allowed in PLAIN.items():
        if told(key) not in allowed:
            raise ValueError(f"llama.{key} is {quoted(told(key))}; allowed: none")
    values = {field: metadata.get(key) for field, key in KEYS.items()}
    if values["vocab_size"] is None and TABLE in tensors:
        values["vocab_size"] = tensors[TABLE].shape[0]
    for field, usual in ("n_kv_head", values["n_head"]), ("rope_base", 10000.0):
        if values[field] is None:
            values[field] = usual
    values |= {field: shortest(values[field]) for field in ("rope_base", "eps")}
    config = llama_config(values | {"tied": HEAD not in tensors}, KEYS)
    D = config.n_embd // config.n_head
    for key in OF_A_HEAD:
        if told(key, D) != D:
            raise ValueError(f"llama.{key} is {quoted(told(key))}; allowed: the channels of a "
                             f"head, {D}")
    if config.n_layer > len(tensors):
        raise ValueError(f"{KEYS['n_layer']} is {config.n_layer}; allowed: no more than the "
                         f"{len(tensors)} tensors")
    return config


def shortest(value):
    """Return the shortest decimal number that rounds to a float32: 1e-05, not 9.99999974e-06."""
    return float(str(np.float32(value))) if isinstance(value, float) else value
