"""GPT-2's weights: the same logits as its own maths, names both ways."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

import torch_impl.gpt
from compare.files import gpt2
from compare.files.weight_files import read_weights, write_weights
from compare.layers import weights
from reference import gpt
from reference.tools import tree
from strategies import configs, same, seeds


def state_dict(config, seed):
    """Random weights by GPT-2's names, linear ones (in, out), of a size that keeps x about 1."""
    V, S, C = config.vocab_size, config.block_size, config.n_embd
    shapes = {"wte.weight": (V, C), "wpe.weight": (S, C), "ln_f.weight": (C,), "ln_f.bias": (C,)}
    for i in range(config.n_layer):
        for name in "ln_1", "ln_2":
            shapes |= {f"h.{i}.{name}.weight": (C,), f"h.{i}.{name}.bias": (C,)}
        for name, shape in {"attn.c_attn": (C, 3 * C), "attn.c_proj": (C, C),
                            "mlp.c_fc": (C, 4 * C), "mlp.c_proj": (4 * C, C)}.items():
            shapes |= {f"h.{i}.{name}.weight": shape, f"h.{i}.{name}.bias": shape[1:]}
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(shape) / (math.sqrt(shape[0]) if ".c_" in name else 1)
            for name, shape in shapes.items()}


def logits_of_gpt2(tokens, weights, config):
    """GPT-2 as its paper and its published code have it: (B, T) -> (B, T, V)."""
    w = {name: torch.from_numpy(a) for name, a in weights.items()}
    (B, T), C, H = tokens.shape, config.n_embd, config.n_head

    def norm(x, name):
        return F.layer_norm(x, (C,), w[f"{name}.weight"], w[f"{name}.bias"], 1e-5)

    def conv1d(x, name):
        return x @ w[f"{name}.weight"] + w[f"{name}.bias"]

    def attention(x, name):
        q, k, v = (part.view(B, T, H, C // H).transpose(1, 2)
                   for part in conv1d(x, f"{name}.c_attn").split(C, -1))
        scores = q @ k.transpose(-1, -2) / math.sqrt(C // H)
        later = torch.ones(T, T).triu(1).bool()
        mixed = scores.masked_fill(later, -torch.inf).softmax(-1) @ v
        return conv1d(mixed.transpose(1, 2).reshape(B, T, C), f"{name}.c_proj")

    x = w["wte.weight"][tokens] + w["wpe.weight"][:T]
    for i in range(config.n_layer):
        x = x + attention(norm(x, f"h.{i}.ln_1"), f"h.{i}.attn")
        u = conv1d(norm(x, f"h.{i}.ln_2"), f"h.{i}.mlp.c_fc")
        gelu = 0.5 * u * (1 + torch.tanh(math.sqrt(2 / math.pi) * (u + 0.044715 * u**3)))
        x = x + conv1d(gelu, f"h.{i}.mlp.c_proj")
    return (norm(x, "ln_f") @ w["wte.weight"].T).numpy()


@given(configs(), seeds, st.data())
def test_the_logits_are_gpt2s_on_both_sides(config, seed, data):
    published = state_dict(config, seed)
    T = data.draw(st.integers(1, config.block_size))
    tokens = np.random.default_rng(seed).integers(0, config.vocab_size, (2, T))
    truth = logits_of_gpt2(torch.from_numpy(tokens), published, config)
    found, params = gpt2.from_gpt2(published, n_head=config.n_head)
    model = weights.load_into(torch_impl.gpt.GPT(**vars(found)), params)
    for logits in gpt.forward(tokens, params, config=found)[0], model(torch.from_numpy(tokens)):
        error = np.abs(torch.as_tensor(logits).detach().numpy() - truth).max()
        assert error <= 1e-12 * max(1, np.abs(truth).max())


@given(configs(), seeds)
def test_to_gpt2_undoes_from_gpt2(config, seed):
    published = state_dict(config, seed)
    found, params = gpt2.from_gpt2(published, n_head=config.n_head)
    assert vars(found) == {**vars(config), "dropout": 0.0}
    assert same(gpt2.to_gpt2(found, params), published)


@given(configs(), seeds, st.sampled_from([np.float32, np.float64]))
def test_from_gpt2_undoes_to_gpt2(config, seed, dtype):
    params = gpt.init(config, np.random.default_rng(seed), dtype)
    _, back = gpt2.from_gpt2(gpt2.to_gpt2(config, params), n_head=config.n_head)
    assert same(dict(tree.walk(back)), dict(tree.walk(params)))


SMALL = gpt.Config(vocab_size=5, block_size=3, n_layer=2, n_head=1, n_embd=4)
WEIGHTS = state_dict(SMALL, 0)
UNTIED = WEIGHTS["wte.weight"].copy()
UNTIED[4, 3] = np.nextafter(UNTIED[4, 3], 9)  # one entry is off, in its last digit


def test_the_prefix_the_buffers_and_the_tied_head_change_nothing():
    extra = {"h.0.attn.bias": np.tri(3, dtype=bool)[None, None], "h.1.attn.masked_bias": -1e4,
             "lm_head.weight": WEIGHTS["wte.weight"]}
    whole = {f"transformer.{name}": torch.tensor(a) for name, a in (WEIGHTS | extra).items()}
    whole["lm_head.weight"] = torch.nn.Parameter(whole.pop("transformer.lm_head.weight"))
    config, params = gpt2.from_gpt2(whole, n_head=1)
    assert config == SMALL and same(gpt2.to_gpt2(config, params), WEIGHTS)


@pytest.mark.parametrize("theirs, ours", [
    (torch.float64, np.float64), (torch.float32, np.float32), (torch.float16, np.float32),
    (torch.bfloat16, np.float32)])
def test_the_dtype_is_at_least_float32(theirs, ours):
    given = {name: torch.tensor(a).to(theirs) for name, a in WEIGHTS.items()}
    back = gpt2.to_gpt2(*gpt2.from_gpt2(given, n_head=1))
    assert same(back, {name: a.to(torch.float64).numpy().astype(ours)
                       for name, a in given.items()})
    given["ln_f.bias"] = np.zeros(4, ">f8")
    assert {a.dtype for a in tree.leaves(gpt2.from_gpt2(given, n_head=1)[1])} == {np.dtype("f8")}


def test_the_result_owns_its_memory():
    ours = tree.leaves(gpt2.from_gpt2(WEIGHTS, n_head=1)[1])
    params = gpt2.from_gpt2(WEIGHTS, n_head=1)[1]
    back = gpt2.to_gpt2(SMALL, params).values()
    for a in ours:
        assert a.flags.writeable and a.flags.c_contiguous
        assert not any(np.shares_memory(a, b) for b in WEIGHTS.values())
    assert not any(np.shares_memory(a, b) for a in tree.leaves(params) for b in back)


def test_heads_have_64_channels_unless_told():
    wide = gpt.Config(vocab_size=2, block_size=1, n_layer=1, n_head=3, n_embd=192)
    assert gpt2.from_gpt2(state_dict(wide, 0))[0] == wide
    with pytest.raises(ValueError, match="n_embd is 4; allowed: a multiple of 64 where n_head"):
        gpt2.from_gpt2(WEIGHTS)


def test_wrong_keys_are_all_named_at_once():
    wrong = {name: a for name, a in WEIGHTS.items() if not name.startswith("h.1.mlp")}
    wrong |= {"what\n": np.ones(1), "wpe.weight": np.ones((3, 5)), "ln_f.bias": np.ones(4, int),
              "h.0.attn.c_attn.weight": np.ones((12, 4)), "h.0.ln_1.bias": np.ones((4, 2))}
    with pytest.raises(ValueError) as error:
        gpt2.from_gpt2(wrong)
    assert str(error.value) == (
        "state_dict has wrong keys, 4 missing: h.1.mlp.c_fc.weight, h.1.mlp.c_fc.bias, "
        "h.1.mlp.c_proj.weight, h.1.mlp.c_proj.bias; 1 left over: 'what\\n'; 4 misshapen: "
        "wpe.weight (3, 5) of float64 for (S, C), h.0.ln_1.bias (4, 2) of float64 for (C), "
        "h.0.attn.c_attn.weight (12, 4) of float64 for (C, 3C), ln_f.bias (4,) of int64 for (C); "
        "allowed: GPT-2's names and shapes, of floats, V = 5, C = 4, S = 3")


@pytest.mark.parametrize("wrong, words", [
    ({}, r"16 missing: (\S+, ){15}ln_f.bias; allowed"),
    (WEIGHTS | {"lm_head.weight": UNTIED}, "lm_head.weight differs .*; allowed: a tied"),
    (WEIGHTS | {"transformer.wte.weight": np.ones((5, 4))}, "both with and without"),
    (WEIGHTS | {f"h.{i}.ln_1.bias": 0 for i in range(2, 99)}, r"1067 missing: (\S+, ){1066}\S+; "),
    (WEIGHTS | {"wte.weight": np.ones((0, 4))}, "vocab_size is 0; allowed"),
])
def test_weights_of_another_model_are_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        gpt2.from_gpt2(wrong, n_head=1)


def test_params_of_another_depth_are_refused():
    with pytest.raises(ValueError, match="params has 2 blocks; allowed: n_layer = 1"):
        gpt2.to_gpt2(gpt.Config(5, 3, 1, 1, 4), gpt2.from_gpt2(WEIGHTS, n_head=1)[1])


def as_nanogpt(published, *, prefix="", bias=True, linear=True):
    """GPT-2's weights in the naming and layout of nanoGPT's own checkpoints."""
    return {f"{prefix}transformer.{name}": a.T if linear and ".c_" in name else a
            for name, a in published.items() if bias or not name.endswith(".bias")}


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_a_prefix_alone_is_no_other_function(prefix):
    for name in WEIGHTS, as_nanogpt(WEIGHTS, linear=False):
        given = {f"{prefix}{key}": a for key, a in name.items()}
        config, params = gpt2.from_gpt2(given, n_head=1)
        assert config == SMALL and same(gpt2.to_gpt2(config, params), WEIGHTS)


@pytest.mark.parametrize("kinds, marks", [
    ({}, "linear weights as (out, in)"),
    ({"bias": False}, "linear weights as (out, in), no biases"),
    ({"bias": False, "linear": False}, "no biases"),
    ({"prefix": "_orig_mod."},
     "linear weights as (out, in), the prefix _orig_mod. of torch.compile"),
    ({"prefix": "module.", "bias": False},
     "linear weights as (out, in), no biases, the prefix module. of DistributedDataParallel"),
])
def test_nanogpts_own_checkpoint_is_told_by_its_marks(tmp_path, kinds, marks):
    weights = {name: torch.tensor(a) for name, a in as_nanogpt(WEIGHTS, **kinds).items()}
    mask = {f"{kinds.get('prefix', '')}transformer.h.0.attn.bias": torch.ones(1, 1, 3, 3)}
    torch.save({"model": weights | mask, "optimizer": {"state": {0: {"step": torch.ones(1)}}},
                "model_args": {"n_layer": 2}, "iter_num": 3, "config": {"bias": False}},
               tmp_path / "ckpt.pt")
    with pytest.raises(ValueError) as error:
        gpt2.from_gpt2(read_weights(tmp_path / "ckpt.pt"), n_head=1)
    assert str(error.value) == (
        f"state_dict is another function than GPT-2, as nanoGPT's own models are: it has {marks}, "
        "and so the exact GELU; allowed: GPT-2's weights, as (in, out), with biases, for the GELU "
        "by tanh")


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("suffix", [".safetensors", ".npz", ".pt"])
def test_through_our_model_and_a_file_every_bit_comes_back(tmp_path, suffix, dtype):
    published = {name: a.astype(dtype) for name, a in WEIGHTS.items()}
    torch.save({name: torch.from_numpy(a) for name, a in published.items()}, tmp_path / "given.bin")
    config, params = gpt2.from_gpt2(read_weights(tmp_path / "given.bin"), n_head=1)
    write_weights(tmp_path / f"ours{suffix}", gpt2.to_gpt2(config, params))
    assert same(read_weights(tmp_path / f"ours{suffix}"), published)
    if suffix == ".pt":
        theirs = torch.load(tmp_path / "ours.pt", weights_only=True)
        assert same({name: tensor.numpy() for name, tensor in theirs.items()}, published)
