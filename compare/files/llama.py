"""Llama's weights in Hugging Face's naming, with the fields of config.json, to ours and back."""

import re

import numpy as np

from reference.tools import tree

from ..layers.params import as_params, shapes
from .naming import (
    check_names, as_found, is_floats, llama_config, theirs_of, unprefixed)
from .untrusted import quoted

PUBLISHED = dict(line.split() for line in """
    embedding.weight              embed_tokens.weight
    blocks.*.norm_1.weight        layers.*.input_layernorm.weight
    blocks.*.attention.q.weight   layers.*.self_attn.q_proj.weight
    blocks.*.attention.k.weight   layers.*.self_attn.k_proj.weight
    blocks.*.attention.v.weight   layers.*.self_attn.v_proj.weight
    blocks.*.attention.proj.weight layers.*.self_attn.o_proj.weight
    blocks.*.norm_2.weight        layers.*.post_attention_layernorm.weight
    blocks.*.mlp.gate.weight      layers.*.mlp.gate_proj.weight
    blocks.*.mlp.up.weight        layers.*.mlp.up_proj.weight
    blocks.*.mlp.down.weight      layers.*.mlp.down_proj.weight
    norm.weight                   norm.weight
    head.weight                   lm_head.weight
""".strip().splitlines())  # our name: theirs, but for the prefix "model."
FIELDS = {"vocab_size": "vocab_size", "block_size": "max_position_embeddings",
          "n_layer": "num_hidden_layers", "n_head": "num_attention_heads",
          "n_kv_head": "num_key_value_heads", "n_embd": "hidden_size",
          "n_hidden": "intermediate_size", "rope_base": "rope_theta", "eps": "rms_norm_eps",
          "tied": "tie_word_embeddings"}  # ours: theirs
DEFAULTS = {"rms_norm_eps": 1e-6, "tie_word_embeddings": False}  # where config.json is silent
BUFFER = re.compile(r"layers\.\d+\.self_attn\.rotary_emb\.inv_freq")  # rope's angles, no weights
PREFIX = re.compile(r"(?:module\.|_orig_mod\.)*(?:model\.)?")  # of DDP, compile, the model's own
HEAD, TABLE = "lm_head.weight", "embed_tokens.weight"


def from_llama(state_dict, config):
    """Return Config and Params of weights by Hugging Face's names, NumPy arrays or torch tensors.

    config is the dictionary of config.json. The result owns its memory, in the widest dtype found,
    at least float32. Raises ValueError for a config that asks for another function, by the name of
    the field, and for wrong keys, all of them.
    Source: modeling_llama.py and configuration_llama.py of transformers.
    """
    ours = config_of_fields(config)
    arrays = {name: a for name, a in unprefixed(state_dict, PREFIX).items()
              if not BUFFER.fullmatch(name)}
    if ours.n_layer > len(arrays):
        raise ValueError(f"num_hidden_layers is {ours.n_layer}; "
                         f"allowed: no more than the {len(arrays)} arrays of state_dict")
    head = arrays.pop(HEAD, None) if ours.tied else None  # a tied one may stand there twice
    wanted = {theirs_of(name, PUBLISHED): (name, shape) for name, shape in shapes(ours)}
    unfit = {name: as_found(arrays[name]) for name, (_, shape) in wanted.items() if name in arrays
             and not (is_floats(arrays[name]) and arrays[name].shape == shape)}
    check_names(arrays, {name: ", ".join(map(str, shape)) for name, (_, shape) in wanted.items()},
                unfit, "a llama's names, in the shapes that its config says, of floats")
    if head is not None and not np.array_equal(head, arrays[TABLE], equal_nan=True):
        raise ValueError(f"{HEAD} differs from {TABLE}; "
                         "allowed: the same, as tie_word_embeddings is true")
    dtype = np.result_type(np.float32, *(a.dtype for a in arrays.values()))
    return ours, as_params(ours, {name: np.array(arrays[theirs], dtype, order="C")
                                  for theirs, (name, _) in wanted.items()})


def to_llama(config, params):
    """Return {Hugging Face's name: array}, a copy of the parameters; a tied head is left out.

    Raises ValueError if the parameters are not those of the config.
    """
    own, wanted = dict(tree.walk(params)), dict(shapes(config))
    if {name: a.shape for name, a in own.items()} != wanted:
        raise ValueError(f"params has {len(own)} arrays of other names or shapes; allowed: the "
                         f"{len(wanted)} of its config, {config}")
    return {"model." * (name != "head.weight") + theirs_of(name, PUBLISHED): a.copy()
            for name, a in own.items()}


def config_of_fields(config):
    """Return our Config of the fields of a config.json; refuse what this model can't do."""
    if not isinstance(config, dict):
        raise ValueError(f"config is {quoted(config)}; allowed: the dictionary of config.json")
    check_is_plain(config)
    told = DEFAULTS | {name: value for name, value in config.items() if value is not None}
    told |= {"rope_theta": rope_base_of(config),
             "num_key_value_heads": told.get("num_key_value_heads", told.get(FIELDS["n_head"]))}
    ours = llama_config({name: told.get(theirs) for name, theirs in FIELDS.items()}, FIELDS)
    D = ours.n_embd // ours.n_head
    if told.get("head_dim", D) != D:
        raise ValueError(f"head_dim is {quoted(told['head_dim'])}; allowed: hidden_size / "
                         f"num_attention_heads = {D}")
    return ours


def check_is_plain(config):
    """Refuse fields by which a model is another function; what has no field here changes nothing.
    """
    wrong = [f"{name} is {quoted(config[name])}" for name, allowed in PLAIN.items()
             if name in config and not is_among(config[name], allowed)]
    types = config.get("layer_types")
    if types is not None and not (isinstance(types, list) and set(map(str, types)) <= {FULL}):
        wrong.append(f"layer_types is {quoted(types)}")
    if wrong:
        raise ValueError(f"config asks for what is not here: {', '.join(wrong)}; allowed: a plain "
                         "llama, without it")


def rope_base_of(config):
    """Return rope's base, of either spelling; refuse angles that are scaled or for some channels.
    """
    found = {}
    for name in "rope_parameters", "rope_scaling":
        told = config.get(name) or {}
        kind = told.get("rope_type", told.get("type", "default")) if isinstance(told, dict) else 0
        if kind != "default" or not is_among(told.get("partial_rotary_factor"), (None, 1)):
            raise ValueError(f"{name} is {quoted(told)}; allowed: none, or rope_type default for "
                             "all channels")
        found |= {name: told} if "rope_theta" in told else {}
    found |= {"config": config} if config.get("rope_theta") is not None else {}
    bases = [fields["rope_theta"] for fields in found.values()]
    if any(base != bases[0] for base in bases):
        raise ValueError(f"rope_theta is {' and '.join(map(quoted, bases))}; allowed: one number")
    return bases[0] if bases else 10000.0


def is_among(value, allowed):
    """Whether a value is one of those allowed; true is not 1."""
    return any(value == one and isinstance(value, bool) == isinstance(one, bool)
               for one in allowed)


FULL = "full_attention"  # no layer slides a window
NONE = None, False
PLAIN = {  # the fields that say which function a model is: what they may be here
    "model_type": ("llama",), "hidden_act": ("silu", "swish"), "attention_bias": NONE,
    "mlp_bias": NONE, "attention_dropout": (None, 0), "sliding_window": (None,),
    "use_sliding_window": NONE, "partial_rotary_factor": (None, 1), "rope_interleaved": NONE,
    "quantization_config": (None,), "attn_logit_softcapping": (None,),
    "final_logit_softcapping": (None,), "num_local_experts": (None,), "no_rope_layers": (None,)}
