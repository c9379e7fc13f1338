"""The table: one row per layer, read by the checks, the tests and the command line.

Notation as in reference/GLOSSARY.md.

Each row says what its examples must show: a check that never drew a repeated token proves nothing
about repeated tokens, and fails (checks/coverage.py).
"""

import math

import numpy as np

from reference import attention, block, dropout, embedding, gpt, layer_norm, linear, mlp
from reference.tools import tree

from .draws import (channels, draw_attention, draw_block, draw_embedding, draw_ids, draw_linear,
                    draw_mlp, draw_norm, draw_rate, maybe, repeats)
from .lab_table import LAB_LAYERS
from .llama_table import LLAMA_LAYERS
from .row import Example, Layer, above_1
from .source import twin


def example_linear(rng, n):
    x = rng.standard_normal((n["B"], n["T"], n["I"]))
    return Example({"x": x}, draw_linear(rng, n["O"], n["I"]))


def example_embedding(rng, n):
    return Example({"tokens": draw_ids(rng, n)}, draw_embedding(rng, n, n["C"]))


def example_layer_norm(rng, n):
    x = rng.standard_normal((n["B"], n["T"], n["C"])) + rng.standard_normal()
    return Example({"x": x}, draw_norm(rng, n["C"]), {"eps": float(rng.choice([1e-5, 1e-2]))})


def example_gelu(rng, n):
    return Example({"x": rng.standard_normal((n["B"], n["T"], n["C"]))})


def example_softmax(rng, n):
    T = n["T"]
    x = 2 * rng.standard_normal((n["B"], n["H"], T, T))
    scattered = rng.random((T, T)) < 0.6
    scattered[np.arange(T), rng.integers(0, T, T)] = True
    masks = [None, np.tri(T, dtype=bool), scattered]
    return Example({"x": x}, constants={"mask": masks[rng.integers(3)]})


def example_dropout(rng, n):
    shape, rate = (n["B"], n["T"], n["C"]), draw_rate(rng)
    inputs = {"x": rng.standard_normal(shape), "keep": dropout.draw_keep(rng, shape, rate)}
    return Example(inputs, options={"rate": rate})


def example_attention(rng, n):
    B, T, H, C, rate = n["B"], n["T"], n["H"], n["H"] * n["D"], draw_rate(rng)
    x = rng.standard_normal((B, T, C))
    keep = maybe(rng, attention.draw_keep(rng, B, T, C, H, rate))
    return Example({"x": x}, draw_attention(rng, C), {"n_head": H, "rate": rate}, {"keep": keep})


def example_flash_attention(rng, n):
    q, k, v = rng.standard_normal((3, n["B"], n["H"], n["T"], n["D"]))
    # 1 to 4 up to T = 5, in proportion above
    block = int(rng.integers(1, 5)) * math.ceil(n["T"] / 5)
    return Example({"q": q, "k": k, "v": v}, options={"block": block})


def example_mlp(rng, n):
    x, rate = rng.standard_normal((n["B"], n["T"], n["C"])), draw_rate(rng)
    keep = maybe(rng, dropout.draw_keep(rng, x.shape, rate))
    return Example({"x": x}, draw_mlp(rng, n["C"]), {"rate": rate}, {"keep": keep})


def example_block(rng, n):
    B, T, H, C, rate = n["B"], n["T"], n["H"], n["H"] * n["D"], draw_rate(rng)
    x = rng.standard_normal((B, T, C))
    keep = maybe(rng, block.draw_keep(rng, B, T, C, H, rate))
    return Example({"x": x}, draw_block(rng, C), {"n_head": H, "rate": rate}, {"keep": keep})


def example_cross_entropy(rng, n):
    logits, targets = 2 * rng.standard_normal((n["B"], n["T"], n["V"])), draw_ids(rng, n)
    ignore_index = int(rng.choice([-100, -1, 0]))
    ignored = rng.random(targets.shape) < 0.3
    ignored.flat[rng.integers(targets.size)] = False
    if ignore_index < 0:
        targets = np.where(ignored, ignore_index, targets)
    elif (targets == ignore_index).all():
        targets[0, 0] = n["V"] - 1
        ignore_index = 0 if n["V"] > 1 else -100
    return Example({"logits": logits, "targets": targets}, options={"ignore_index": ignore_index})


def example_gpt(rng, n):
    config = gpt.Config(n["V"], n["S"] + n["T"] - 1, n["L"], n["H"], n["H"] * n["D"],
                        dropout=draw_rate(rng))
    params = gpt.Params(draw_embedding(rng, n, config.n_embd),
                        tuple(draw_block(rng, config.n_embd) for _ in range(config.n_layer)),
                        draw_norm(rng, config.n_embd))
    keep = maybe(rng, gpt.draw_keep(rng, n["B"], n["T"], config))
    return Example({"tokens": draw_ids(rng, n)}, params, {"config": config}, {"keep": keep})


def dropped(n, e):
    return any(not keep.all() for keep in tree.leaves(e.constants["keep"]) if keep is not None)


DROPOUT = {"a dropped entry": dropped, "no dropout": lambda n, e: e.constants["keep"] is None}

LAYERS = {layer.stem: layer for layer in [
    Layer("linear", "BTIO", example_linear,
          lambda n, e: twin("linear").Linear(n["I"], n["O"]),
          above_1("B", "T", "I", "O") | {"I other than O": lambda n, e: n["I"] != n["O"]}),
    Layer("embedding", "BTVSC", example_embedding,
          lambda n, e: twin("embedding").Embedding(n["V"], n["S"] + n["T"] - 1, n["C"]),
          above_1("B", "T", "S") | {"a repeated token": repeats}),
    Layer("layer_norm", "BTC", example_layer_norm,
          lambda n, e: twin("layer_norm").LayerNorm(n["C"], **e.options),
          above_1("B", "T") | {
              "C > 2": lambda n, e: n["C"] > 2,
              "a weight other than 1": lambda n, e: (e.params.weight != 1).any()},
          overflows=True),
    Layer("gelu", "BTC", example_gelu,
          lambda n, e: twin("gelu").GELU(),
          {"a negative x": lambda n, e: (e.inputs["x"] < 0).any(),
           "a positive x": lambda n, e: (e.inputs["x"] > 0).any()}),
    Layer("softmax", "BHT", example_softmax,
          lambda n, e: twin("softmax").Softmax(),
          above_1("B", "H", "T") | {
              "no mask": lambda n, e: e.constants["mask"] is None,
              "a masked entry": lambda n, e: not np.all(
                  True if e.constants["mask"] is None else e.constants["mask"])}),
    Layer("dropout", "BTC", example_dropout,
          lambda n, e: twin("dropout").Dropout(**e.options),
          {"a dropped entry": lambda n, e: not e.inputs["keep"].all(),
           "a kept entry": lambda n, e: e.inputs["keep"].any()}),
    Layer("attention", "BTHD", example_attention,
          lambda n, e: twin("attention").Attention(channels(n), **e.options),
          above_1("B", "T", "H", "D") | DROPOUT, overflows=True),
    Layer("flash_attention", "BTHD", example_flash_attention,
          lambda n, e: twin("flash_attention").FlashAttention(),
          above_1("B", "T", "H", "D") | {
              "one block": lambda n, e: n["T"] <= e.options["block"],
              "more than one block": lambda n, e: n["T"] > e.options["block"],
              "a short last block": lambda n, e: 0 < n["T"] % e.options["block"] < n["T"]},
          overflows=True, least={"T": 8}),  # in short rows its dq and dk cancel: see FA-14
    Layer("mlp", "BTC", example_mlp,
          lambda n, e: twin("mlp").MLP(n["C"], **e.options),
          above_1("B", "T", "C") | DROPOUT),
    Layer("block", "BTHD", example_block,
          lambda n, e: twin("block").Block(channels(n), **e.options),
          above_1("B", "T", "H", "D") | DROPOUT, overflows=True),
    Layer("cross_entropy", "BTV", example_cross_entropy,
          lambda n, e: twin("cross_entropy").CrossEntropy(**e.options),
          above_1("B", "T", "V") | {
              "an ignored target": lambda n, e: (
                  e.inputs["targets"] == e.options["ignore_index"]).any()}),
    Layer("gpt", "BTVSLHD", example_gpt,
          lambda n, e: twin("gpt").GPT(**vars(e.options["config"])),
          above_1("B", "T", "V", "S", "L", "H", "D") | DROPOUT | {"a repeated token": repeats},
          whole_model=True, overflows=True),
    *LAB_LAYERS,
]} | LLAMA_LAYERS
