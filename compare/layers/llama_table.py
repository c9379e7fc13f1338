"""The rows of the llama family, merged into the table of table.py."""

from reference import grouped_attention, llama, llama_block, rms_norm, swiglu
from reference.embedding import Table

from .draws import draw_ids, draw_weight, repeats
from .row import Example, Layer, above_1
from .sizes import composed
from .source import twin


def example_rms_norm(rng, n):
    x = rng.standard_normal((n["B"], n["T"], n["C"])) + rng.standard_normal()
    return Example({"x": x}, draw_rms_norm(rng, n["C"]), draw_eps(rng))


def example_rope(rng, n):
    x = rng.standard_normal((n["B"], n["H"], n["T"], 2 * n["P"]))
    return Example({"x": x}, options={"base": float(rng.choice([100.0, 10000.0])),
                                      "start": int(rng.integers(0, 100))})


def example_swiglu(rng, n):
    x = rng.standard_normal((n["B"], n["T"], n["C"]))
    return Example({"x": x}, draw_swiglu(rng, n["C"], n["F"]))


def example_grouped_attention(rng, n):
    n = composed(n)
    x = rng.standard_normal((n["B"], n["T"], n["C"]))
    return Example({"x": x}, draw_grouped_attention(rng, n), draw_heads(rng, n))


def example_llama_block(rng, n):
    n = composed(n)
    x = rng.standard_normal((n["B"], n["T"], n["C"]))
    return Example({"x": x}, draw_llama_block(rng, n), draw_heads(rng, n) | draw_eps(rng))


def example_llama(rng, n):
    n = composed(n)
    C = n["C"]
    config = llama.Config(
        vocab_size=n["V"], block_size=n["S"] + n["T"] - 1, n_layer=n["L"], n_embd=C,
        n_hidden=n["F"], tied=bool(rng.integers(2)), **draw_heads(rng, n), **draw_eps(rng))
    table, head = draw_weight(rng, n["V"], C), draw_weight(rng, n["V"], C)
    params = llama.Params(Table(table.weight),
                          tuple(draw_llama_block(rng, n) for _ in range(n["L"])),
                          draw_rms_norm(rng, C), () if config.tied else head)
    return Example({"tokens": draw_ids(rng, n)}, params, {"config": config})


def draw_eps(rng):
    return {"eps": float(rng.choice([1e-5, 1e-2]))}


def draw_heads(rng, n):
    return {"n_head": n["H"], "n_kv_head": n["K"],
            "rope_base": float(rng.choice([100.0, 10000.0]))}


def draw_grouped_attention(rng, n):
    C, shared = n["C"], n["K"] * n["D"]
    return grouped_attention.Params(*(draw_weight(rng, out, C) for out in (C, shared, shared, C)))


def draw_rms_norm(rng, C):
    return rms_norm.Params(rng.standard_normal(C))


def draw_swiglu(rng, C, F):
    return swiglu.Params(draw_weight(rng, F, C), draw_weight(rng, F, C), draw_weight(rng, C, F))


def draw_llama_block(rng, n):
    C = n["C"]
    return llama_block.Params(draw_rms_norm(rng, C), draw_grouped_attention(rng, n),
                              draw_rms_norm(rng, C), draw_swiglu(rng, C, n["F"]))


GROUPS = {"K = H": lambda n, e: n["G"] == 1 < n["K"], "K = 1": lambda n, e: n["K"] == 1 < n["G"]}

LLAMA_LAYERS = {layer.stem: layer for layer in [
    Layer("rms_norm", "BTC", example_rms_norm,
          lambda n, e: twin("rms_norm").RMSNorm(n["C"], **e.options),
          above_1("B", "T", "C") | {
              "a weight other than 1": lambda n, e: (e.params.weight != 1).any()},
          overflows=True),
    Layer("rope", "BHTP", example_rope,
          lambda n, e: twin("rope").RoPE(**e.options),
          above_1("B", "H", "T", "P") | {
              "a start other than 0": lambda n, e: e.options["start"] > 0}),
    Layer("swiglu", "BTCF", example_swiglu,
          lambda n, e: twin("swiglu").SwiGLU(n["C"], n["F"]),
          above_1("B", "T", "C", "F") | {"F other than C": lambda n, e: n["F"] != n["C"]},
          overflows=True),
    Layer("grouped_attention", "BTKGP", example_grouped_attention,
          lambda n, e: twin("grouped_attention").GroupedAttention(composed(n)["C"], **e.options),
          above_1("B", "T", "K", "G", "P") | GROUPS, overflows=True,
          least={"T": 8}),  # with T = 1 dq and dk are 0, and near it they cancel
    Layer("llama_block", "BTKGPF", example_llama_block,
          lambda n, e: twin("llama_block").LlamaBlock(composed(n)["C"], n_hidden=n["F"],
                                                      **e.options),
          above_1("B", "T", "K", "G", "P", "F") | GROUPS, overflows=True),
    Layer("llama", "BTVSLKGPF", example_llama,
          lambda n, e: twin("llama").Llama(**vars(e.options["config"])),
          above_1("B", "T", "V", "S", "L", "K", "G", "P", "F") | GROUPS | {
              "a repeated token": repeats,
              "a tied head": lambda n, e: e.options["config"].tied,
              "a head of its own": lambda n, e: not e.options["config"].tied},
          whole_model=True, overflows=True),
]}
