"""Small llamas in the forms that others publish: Hugging Face's folder, llama.cpp's file."""

import json

import numpy as np

from compare.files.weight_files import write_weights
from gguf_form import gguf_bytes
from published_form import json_form, metadata_form


def hugging_face(config, spelling=0):
    """The fields of a config.json, with what its rope turns by in either spelling."""
    plain = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "attention_bias": False, "attention_dropout": 0.0, "mlp_bias": False,
        "hidden_size": config.n_embd, "intermediate_size": config.n_hidden,
        "max_position_embeddings": config.block_size, "num_attention_heads": config.n_head,
        "num_hidden_layers": config.n_layer, "num_key_value_heads": config.n_kv_head,
        "head_dim": config.n_embd // config.n_head, "pretraining_tp": 1, "rope_scaling": None,
        "rms_norm_eps": config.eps, "tie_word_embeddings": config.tied, "use_cache": True,
        "vocab_size": config.vocab_size, "torch_dtype": "bfloat16", "a_field_of_tomorrow": [1]}
    return plain | [{"rope_theta": config.rope_base},
                    {"rope_parameters": {"rope_theta": config.rope_base, "rope_type": "default"}}
                    ][spelling]


def hugging_face_weights(config, seed):
    """Random weights by Hugging Face's names, written out, of a size that keeps x about 1."""
    C, F, E = config.n_embd, config.n_hidden, config.n_kv_head * config.n_embd // config.n_head
    shapes = {"model.embed_tokens.weight": (config.vocab_size, C), "model.norm.weight": (C,)}
    if not config.tied:
        shapes["lm_head.weight"] = (config.vocab_size, C)
    for i in range(config.n_layer):
        shapes |= {f"model.layers.{i}.{name}.weight": shape for name, shape in {
            "input_layernorm": (C,), "post_attention_layernorm": (C,),
            "self_attn.q_proj": (C, C), "self_attn.k_proj": (E, C), "self_attn.v_proj": (E, C),
            "self_attn.o_proj": (C, C), "mlp.gate_proj": (F, C), "mlp.up_proj": (F, C),
            "mlp.down_proj": (C, F)}.items()}
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(shape) / np.sqrt(shape[-1]) ** (len(shape) > 1)
            for name, shape in shapes.items()}


def hugging_face_folder(config, folder, tokenizer, seed=0):
    """Write a llama as config.json, model.safetensors and tokenizer.json; return the folder."""
    folder.mkdir()
    end = {"eos_token_id": tokenizer.specials[tokenizer.end]}
    (folder / "config.json").write_text(json.dumps(hugging_face(config) | end))
    (folder / "tokenizer.json").write_text(json.dumps(json_form(tokenizer)))
    write_weights(folder / "model.safetensors", {
        name: a.astype("f4") for name, a in hugging_face_weights(config, seed).items()})
    return folder


def gguf_llama(config, path, tokenizer=None, *, seed=0, metadata=(), tensors=(),
               without=()):
    """Write a llama as a GGUF file with weights of every type; return its path."""
    told = llama_metadata(config) | (metadata_form(tokenizer) if tokenizer else {}) | dict(metadata)
    held = {entry[0]: entry for entry in llama_tensors(config, seed)}
    held |= {entry[0]: entry for entry in tensors}
    path.write_bytes(gguf_bytes({key: value for key, value in told.items() if value is not None},
                                [entry for name, entry in held.items() if name not in without]))
    return path


def llama_metadata(config):
    """Return what a GGUF file says of a llama."""
    return {"general.architecture": "llama", **{f"llama.{key}": value for key, value in {
        "vocab_size": config.vocab_size, "context_length": config.block_size,
        "block_count": config.n_layer, "attention.head_count": config.n_head,
        "attention.head_count_kv": config.n_kv_head, "embedding_length": config.n_embd,
        "feed_forward_length": config.n_hidden, "rope.freq_base": config.rope_base,
        "rope.dimension_count": config.n_embd // config.n_head,
        "attention.layer_norm_rms_epsilon": config.eps}.items()}}


def llama_tensors(config, seed=0):
    """Yield (name, dims, type, data) of a llama's random weights, of each type that is read."""
    rng, C, F = np.random.default_rng(seed), config.n_embd, config.n_hidden
    E = config.n_kv_head * C // config.n_head
    yield packed_tensor(rng, "token_embd.weight", "Q8_0", config.vocab_size, C)
    for i in range(config.n_layer):
        for name, kind, *shape in (
                ("attn_norm", "F32", C), ("attn_q", "Q4_1", C, C), ("attn_k", "Q4_0", E, C),
                ("attn_v", "F16", E, C), ("attn_output", "BF16", C, C), ("ffn_norm", "F32", C),
                ("ffn_gate", "Q4_1", F, C), ("ffn_up", "Q4_1", F, C), ("ffn_down", "Q4_0", C, F)):
            yield packed_tensor(rng, f"blk.{i}.{name}.weight", kind, *shape)
    yield packed_tensor(rng, "output_norm.weight", "F32", C)
    if not config.tied:
        yield packed_tensor(rng, "output.weight", "Q8_0", config.vocab_size, C)


def packed_tensor(rng, name, kind, *shape):
    """Return (name, dims, type, data) of random weights that keep what they make about 1."""
    size, scale = int(np.prod(shape)), 1 / np.sqrt(shape[-1])
    floats = (rng.standard_normal(size) * scale).astype("<f4")
    groups, d = size // 32, np.float16(scale / {"Q8_0": 64}.get(kind, 4)).tobytes()
    m = np.float16(-2 * scale).tobytes()
    data = {"F32": floats.tobytes, "F16": floats.astype("<f2").tobytes,
            "BF16": lambda: (floats.view("<u4") >> 16).astype("<u2").tobytes(),
            "Q8_0": lambda: b"".join(d + rng.bytes(32) for _ in range(groups)),
            "Q4_0": lambda: b"".join(d + rng.bytes(16) for _ in range(groups)),
            "Q4_1": lambda: b"".join(d + m + rng.bytes(16) for _ in range(groups))}[kind]()
    return name, shape[::-1], kind, data
