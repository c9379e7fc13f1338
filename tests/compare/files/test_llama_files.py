"""Weights of others' llamas: the same logits as by their own maths, and what is refused."""

import dataclasses
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from compare.files import gguf, llama, llama_gguf
from compare.files.weight_files import read_weights, write_weights
from compare.layers import models
from compare.layers.params import shapes
from llama_form import gguf_llama, hugging_face, hugging_face_weights
from plain_llama import plain_llama
from reference.llama import Config, forward, init
from reference.tools import tree
from strategies import llama_configs, same, seeds

SMALL = Config(5, 8, n_layer=2, n_head=4, n_kv_head=2, n_embd=32, n_hidden=64, tied=True)
UNTIED = dataclasses.replace(SMALL, tied=False)

OURS = {"model.embed_tokens": "embedding", "model.layers": "blocks", "input_layernorm": "norm_1",
        "post_attention_layernorm": "norm_2", "self_attn": "attention", "q_proj": "q",
        "k_proj": "k", "v_proj": "v", "o_proj": "proj", "gate_proj": "gate", "up_proj": "up",
        "down_proj": "down", "model.norm": "norm", "lm_head": "head"}


def ours(name):
    """Our name of a weight, word by word."""
    for theirs, word in OURS.items():
        name = re.sub(rf"(?<!\w){re.escape(theirs)}(?!\w)", word, name)
    return name


@given(llama_configs(), seeds, st.integers(0, 1))
def test_the_logits_are_those_of_plain_functions_on_both_sides(config, seed, spelling):
    theirs = hugging_face_weights(config, seed)
    found, params = llama.from_llama(theirs, hugging_face(config, spelling))
    assert found == config
    tokens = np.random.default_rng(seed).integers(0, config.vocab_size, (2, config.block_size))
    plain = {ours(name): torch.from_numpy(a) for name, a in theirs.items()}
    truth = plain_llama(torch.from_numpy(tokens), plain, config).numpy()
    model = models.torch_model(found, params)
    for logits in forward(tokens, params, config=found)[0], model(torch.from_numpy(tokens)):
        logits = torch.as_tensor(logits).detach().numpy()
        assert np.abs(logits - truth).max() <= 1e-10 * max(1, np.abs(truth).max())


@given(llama_configs(), seeds)
def test_to_llama_undoes_from_llama(config, seed):
    theirs = hugging_face_weights(config, seed)
    back = llama.to_llama(*llama.from_llama(theirs, hugging_face(config)))
    assert back.keys() == theirs.keys()
    assert all(np.array_equal(back[name], a) for name, a in theirs.items())


def test_parameters_of_another_config_are_refused():
    params = init(SMALL, np.random.default_rng(0))
    with pytest.raises(ValueError, match="params has 20 arrays of other names or shapes; allowed"):
        llama.to_llama(UNTIED, params)


@pytest.mark.parametrize("dtype, suffix", [("f8", ".npz"), ("f4", ".safetensors"),
                                           ("f2", ".safetensors")])
def test_weights_of_a_file_come_in_at_least_float32(dtype, suffix, tmp_path):
    theirs = {name: a.astype(dtype) for name, a in hugging_face_weights(SMALL, 0).items()}
    write_weights(tmp_path / f"a{suffix}", theirs)
    _, params = llama.from_llama(read_weights(tmp_path / f"a{suffix}"), hugging_face(SMALL))
    for name, a in tree.walk(params):
        assert a.dtype == ("f8" if dtype == "f8" else "f4") and a.flags.owndata
    assert np.array_equal(params.norm.weight, theirs["model.norm.weight"])


def test_prefixes_torch_tensors_a_head_twice_and_old_buffers_change_nothing():
    theirs = hugging_face_weights(SMALL, 0)
    truth = llama.from_llama(theirs, hugging_face(SMALL))
    more = {"lm_head.weight": theirs["model.embed_tokens.weight"],
            "model.layers.0.self_attn.rotary_emb.inv_freq": np.ones(4)}
    for found in (
            {f"module._orig_mod.{name}": torch.from_numpy(a) for name, a in theirs.items()},
            {name.removeprefix("model."): a for name, a in theirs.items()}, theirs | more):
        params = llama.from_llama(found, hugging_face(SMALL))[1]
        assert same(*(dict(tree.walk(p)) for p in (params, truth[1])))
    bfloat = {name: torch.from_numpy(a).bfloat16() for name, a in theirs.items()}
    assert llama.from_llama(bfloat, hugging_face(SMALL))[1].norm.weight.dtype == np.float32


def without(name):
    return {key: a for key, a in hugging_face_weights(SMALL, 0).items() if key != name}


@pytest.mark.parametrize("state_dict, words", [
    (without("model.norm.weight"), "wrong keys, 1 missing: norm.weight; allowed: a llama's names"),
    (without("") | {"model.layers.0.self_attn.q_proj.bias": np.ones(32)}, "1 left over: 'layers.0"),
    (without("") | {"model.norm.weight": np.ones(31)}, r"norm.weight \(31,\) of float64 for \(32\)"),
    (without("") | {"model.norm.weight": np.ones(32, int)}, r"norm.weight \(32,\) of int64 for"),
    (without("") | {"lm_head.weight": np.ones((5, 32))}, "lm_head.weight differs from embed_token"),
    (without("") | {"norm.weight": np.ones(32)}, "both with and without a prefix"),
    ({"model.norm.weight": np.ones(32)}, "num_hidden_layers is 2; allowed: no more than the 1 arr"),
])
def test_wrong_weights_are_refused(state_dict, words):
    with pytest.raises(ValueError, match=words):
        llama.from_llama(state_dict, hugging_face(SMALL))


@pytest.mark.parametrize("fields, words", [
    ({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, "rope_scaling is {'rope_type': 'll"),
    ({"rope_scaling": {"type": "linear", "factor": 2.0}}, "rope_scaling is .*; allowed: none, or"),
    ({"rope_parameters": {"rope_type": "yarn"}}, "rope_parameters is {'rope_type': 'yarn'}"),
    ({"rope_parameters": 7}, "rope_parameters is 7"),
    ({"rope_parameters": {"rope_theta": 5.0}}, "rope_theta is 10000.0? and 5.0|5.0 and 10000.0"),
    ({"rope_parameters": {"partial_rotary_factor": 0.5}}, "rope_parameters is .*for all channels"),
    ({"partial_rotary_factor": 0.5}, "partial_rotary_factor is 0.5"),
    ({"sliding_window": 4096}, "sliding_window is 4096"),
    ({"layer_types": ["full_attention", "sliding_attention"]}, "layer_types is "),
    ({"layer_types": 3}, "layer_types is 3"),
    ({"hidden_act": "gelu"}, "hidden_act is 'gelu'"),
    ({"attention_bias": True}, "attention_bias is True"),
    ({"mlp_bias": True}, "mlp_bias is True"),
    ({"attention_dropout": 0.1}, "attention_dropout is 0.1"),
    ({"model_type": "qwen2"}, "model_type is 'qwen2'"),
    ({"quantization_config": {"bits": 4}}, "quantization_config is {'bits': 4}"),
    ({"model_type": "mistral", "sliding_window": 9}, "model_type is 'mistral', sliding_window is 9"),
    ({"head_dim": 16}, "head_dim is 16; allowed: hidden_size / num_attention_heads = 8"),
    ({"num_key_value_heads": 3}, "num_key_value_heads is 3; allowed: a divisor of num_attention_h"),
    ({"hidden_size": 36}, "hidden_size is 36; allowed: a multiple of 2 num_attention_heads = 8"),
    ({"hidden_size": "32"}, "hidden_size is '32'; allowed: an integer of at least 1"),
    ({"hidden_size": None}, "hidden_size is None; allowed: an integer"),
    ({"vocab_size": 0}, "vocab_size is 0; allowed: an integer of at least 1"),
    ({"num_hidden_layers": 10**12}, "num_hidden_layers is 1000000000000; allowed: no more than"),
    ({"rms_norm_eps": 0.0}, "rms_norm_eps is 0.0; allowed"),
    ({"rms_norm_eps": "small"}, "rms_norm_eps is 'small'; allowed: a number"),
    ({"rope_theta": [1]}, r"rope_theta is \[1\]; allowed: a number"),
    ({"rope_theta": 10**400}, "rope_theta is "),
    ({"tie_word_embeddings": 1}, "tie_word_embeddings is 1; allowed: true or false"),
])
def test_a_config_that_asks_for_what_is_not_here_is_refused_by_the_name_of_the_field(fields, words):
    with pytest.raises(ValueError, match=words) as refused:
        llama.from_llama(hugging_face_weights(SMALL, 0), hugging_face(SMALL) | fields)
    assert "; allowed: " in str(refused.value)


def test_what_a_config_leaves_out_is_what_hugging_faces_has():
    fields = {name: value for name, value in hugging_face(UNTIED).items()
              if name not in ("rope_theta", "rms_norm_eps", "tie_word_embeddings", "head_dim",
                              "num_key_value_heads", "hidden_act", "attention_bias")}
    as_many = dataclasses.replace(UNTIED, n_kv_head=4, eps=1e-6, rope_base=10000.0)
    assert llama.from_llama(hugging_face_weights(as_many, 0), fields)[0] == as_many
    with pytest.raises(ValueError, match="config is 3; allowed: the dictionary of config.json"):
        llama.from_llama({}, 3)


# llama.cpp's files

@pytest.mark.parametrize("config", [SMALL, UNTIED])
def test_a_llama_of_a_gguf_file_is_that_of_plain_functions_on_interleaved_pairs(config, tmp_path):
    path = gguf_llama(config, tmp_path / "a.gguf")
    found, tensors, _ = llama_gguf.read_llama(path)
    assert found == config
    kinds = {tensor.type for tensor in tensors.values()}
    assert kinds == {"F32", "F16", "BF16", "Q4_0", "Q4_1", "Q8_0"}
    params = llama_gguf.floats_of(found, tensors)
    assert dict(shapes(config)) == {name: a.shape for name, a in tree.walk(params)}
    params = tree.map(lambda a: a.astype("f8"), params)
    theirs = {llama_gguf_name(name): tensor.floats().astype("f8")
              for name, tensor in gguf.read(path)[1].items()}
    tokens = np.arange(8)[None] % config.vocab_size
    truth = plain_llama(torch.from_numpy(tokens), {name: torch.from_numpy(a) for name, a in
                                                   theirs.items()}, config, interleaved=True)
    logits = forward(tokens, params, config=found)[0]
    np.testing.assert_allclose(logits, truth, rtol=0, atol=1e-10 * np.abs(truth.numpy()).max())


def llama_gguf_name(name):
    """Our name of a tensor of llama.cpp's, word by word."""
    words = {"token_embd": "embedding", "blk": "blocks", "attn_norm": "norm_1",
             "attn_output": "attention.proj", "attn_q": "attention.q", "attn_k": "attention.k",
             "attn_v": "attention.v", "ffn_norm": "norm_2", "ffn_gate": "mlp.gate",
             "ffn_up": "mlp.up", "ffn_down": "mlp.down", "output_norm": "norm", "output": "head"}
    return ".".join(words.get(word, word) for word in name.split("."))


def test_keys_that_a_file_may_leave_out(tmp_path):
    path = gguf_llama(SMALL, tmp_path / "a.gguf", metadata={"llama.vocab_size": None,
                                              "llama.rope.freq_base": None,
                                              "llama.rope.dimension_count": None})
    assert llama_gguf.read_llama(path)[0] == SMALL
    alone = dataclasses.replace(SMALL, n_kv_head=4)
    path = gguf_llama(alone, tmp_path / "a.gguf", metadata={"llama.attention.head_count_kv": None})
    assert llama_gguf.read_llama(path)[0] == alone


@pytest.mark.parametrize("changes, words", [
    ({"metadata": {"general.architecture": "qwen2"}}, "general.architecture is 'qwen2'; allowed: l"),
    ({"metadata": {"general.architecture": None}}, "general.architecture is None; allowed: llama"),
    ({"metadata": {"llama.rope.scaling.type": "yarn"}}, "llama.rope.scaling.type is 'yarn'; allo"),
    ({"metadata": {"llama.rope.scaling.factor": 4.0}}, "llama.rope.scaling.factor is 4.0"),
    ({"metadata": {"llama.rope.scale_linear": np.float32([2])}}, "llama.rope.scale_linear is "),
    ({"metadata": {"llama.expert_count": 8}}, "llama.expert_count is 8"),
    ({"metadata": {"llama.attention.sliding_window": 64}}, "attention.sliding_window is 64"),
    ({"metadata": {"llama.rope.dimension_count": 4}}, "rope.dimension_count is 4; allowed: the chan"),
    ({"metadata": {"llama.attention.key_length": 16}}, "attention.key_length is 16"),
    ({"metadata": {"llama.block_count": None}}, "llama.block_count is None; allowed: an integer"),
    ({"metadata": {"llama.block_count": 2**32 - 1}}, "llama.block_count is 4294967295; allowed"),
    ({"metadata": {"llama.vocab_size": 6}}, r"misshapen: token_embd.weight \(5, 32\) for \(6, 32"),
    ({"metadata": {"llama.attention.head_count": [np.int32(4)] * 2}}, "head_count is array"),
    ({"metadata": {"llama.attention.layer_norm_rms_epsilon": None}}, "rms_epsilon is None; allowed:"),
    ({"metadata": {"llama.rope.freq_base": "1"}}, "freq_base is '1'; allowed: a number"),
    ({"metadata": {"llama.attention.head_count_kv": 3}}, "head_count_kv is 3; allowed: a divisor of"),
    ({"tensors": [("rope_freqs.weight", (4,), "F32", bytes(16))]}, "1 left over: 'rope_freqs.weigh"),
    ({"without": ["output_norm.weight"]}, "which has wrong keys, 1 missing: output_norm.weight"),
])
def test_another_model_in_a_gguf_file_is_refused_by_what_it_says(changes, words, tmp_path):
    path = gguf_llama(SMALL, tmp_path / "a.gguf", **changes)
    with pytest.raises(ValueError, match=words) as refused:
        llama_gguf.read_llama(path)
    assert "; allowed: " in str(refused.value) and str(refused.value).isprintable()
