"""The rows of the llama family, merged into the table of table.py."""

from reference import grouped_attention, rms_norm, swiglu

from .draws import draw_weight
from .row import Example, Layer, above_1
from .sizes import composed
from .source import twin


def example_rms_norm(rng, n):
    x = rng.standard_normal((n["B"], n["T"], n["C"])) + rng.standard_normal()
    return Example({"x": x}, draw_rms_norm(rng, n["C"]), {"eps": float(rng.choice([1e-5, 1e-2]))})


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
    options = {"n_head": n["H"], "n_kv_head": n["K"],
               "rope_base": float(rng.choice([100.0, 10000.0]))}
    return Example({"x": x}, draw_grouped_attention(rng, n), options)


def draw_grouped_attention(rng, n):
    C, shared = n["C"], n["K"] * n["D"]
    return grouped_attention.Params(*(draw_weight(rng, out, C) for out in (C, shared, shared, C)))


def draw_rms_norm(rng, C):
    return rms_norm.Params(rng.standard_normal(C))


def draw_swiglu(rng, C, F):
    return swiglu.Params(draw_weight(rng, F, C), draw_weight(rng, F, C), draw_weight(rng, C, F))


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
          above_1("B", "T", "K", "G", "P") | {
              "K = H": lambda n, e: n["G"] == 1 < n["K"],
              "K = 1": lambda n, e: n["K"] == 1 < n["G"]},
          overflows=True, least={"T": 8}),  # with T = 1 dq and dk are 0, and near it they cancel
]}
