"""The table of what the labs add: a row per layer in reference/labs/, as table.py has them."""

import numpy as np

from reference import gpt
from reference.embedding import Table
from reference.labs import attention_only, lora, skip_gram

from .draws import (draw_attention, draw_embedding, draw_ids, draw_norm, draw_weight,
                    repeats)
from reference.labs import attention_only, megabyte

from .draws import draw_attention, draw_block, draw_embedding, draw_ids, draw_norm, repeats
from .row import Example, Layer, above_1
from .source import twin


def example_sequence_logp(rng, n):
    logits = 2 * rng.standard_normal((n["B"], n["T"], n["V"]))
    tokens = rng.integers(0, n["V"], (n["B"], n["T"]))
    counted = rng.random(tokens.shape) < 0.7 if rng.random() < 0.8 else None
    return Example({"logits": logits, "tokens": tokens}, constants={"counted": counted})


def example_attention_only(rng, n):
    C = n["H"] * n["D"]
    config = gpt.Config(n["V"], n["S"] + n["T"] - 1, n["L"], n["H"], C)
    blocks = tuple(attention_only.Block(draw_norm(rng, C), draw_attention(rng, C))
                   for _ in range(n["L"]))
    params = attention_only.Params(draw_embedding(rng, n, C), blocks, draw_norm(rng, C))
    return Example({"tokens": draw_ids(rng, n)}, params, {"config": config})


def example_megabyte(rng, n):
    M, C = n["M"], n["H"] * n["D"]
    n = n | {"T": n["Q"] * M, "S": int(rng.integers(1, 3))}
    n_local = 1 + n["L"] % 2  # another number than those over patches
    config = megabyte.Config(n["V"], n["S"] + n["T"] - 1, M, n["L"], n_local, n["H"], C)
    params = megabyte.Params(
        draw_embedding(rng, n, C), rng.standard_normal((M, C)), rng.standard_normal(C),
        tuple(draw_block(rng, M * C) for _ in range(n["L"])),
        tuple(draw_block(rng, C) for _ in range(n_local)), draw_norm(rng, C))
    return Example({"tokens": draw_ids(rng, n)}, params, {"config": config})


def example_clipped_surrogate(rng, n):
    size, epsilon = n["B"] * n["T"], float(rng.choice([0.1, 0.2, 0.3]))  # T answers to B prompts
    apart = 0.02  # the slope jumps at 1 - epsilon and at 1 + epsilon: no ratio is near
    low, high = 1 - epsilon, 1 + epsilon
    ranges = np.array([(0.3, low - apart), (low + apart, high - apart), (high + apart, 2.0)])
    ratio = rng.uniform(*ranges[rng.integers(3, size=size)].T)
    logp = -3 * rng.random(size)
    advantages = rng.standard_normal(size) + 1  # of the mean 0, the loss would be mere rounding
    return Example({"logp": logp}, options={"epsilon": epsilon}, constants={
        "old_logp": logp - np.log(ratio), "advantages": advantages})


def beyond(better, above):
    """Predicate: an answer better than expected, or worse, whose ratio is above the range, or
    below."""
    def shown(n, e):
        log_ratio = e.inputs["logp"] - e.constants["old_logp"]
        outside = (log_ratio > np.log(1 + e.options["epsilon"]) if above
                   else log_ratio < np.log(1 - e.options["epsilon"]))
        return (((e.constants["advantages"] > 0) == better) & outside).any()
    return shown


def example_dpo(rng, n):
    names = "ref_chosen", "ref_rejected"
    return Example(draw_pair(rng, n), options={"beta": draw_beta(rng)},
                   constants={name: draw_logp(rng, n) for name in names})


def example_kto(rng, n):
    options = {"beta": draw_beta(rng)} | {
        name: float(rng.choice([1.0, 1.5])) for name in ("lambda_d", "lambda_u")}
    return Example({"logp": draw_logp(rng, n)}, options=options, constants={
        "ref_logp": draw_logp(rng, n), "desirable": rng.random(n["B"]) < 0.5,
        "z0": np.array(rng.random())})


def example_simpo(rng, n):
    options = {"beta": 4 * draw_beta(rng), "gamma": float(rng.choice([0.0, 0.5]))}
    return Example(draw_pair(rng, n), options=options, constants={
        name: rng.integers(1, 6, n["B"]) for name in ("chosen_length", "rejected_length")})


def example_lora(rng, n):
    x = rng.standard_normal((n["B"], n["T"], n["I"]))
    a, b, weight = (draw_weight(rng, n[out], n[into]).weight for out, into in ("RI", "OR", "OI"))
    return Example({"x": x}, lora.Params(a, b), {"scale": float(rng.choice([0.5, 1.0, 2.0]))},
                   {"weight": weight})
def example_scaling_law(rng, n):
    theta = np.array([1.0, 0.4, 1.2, 0.6, 0.3, 0.7])  # of which all three terms count
    theta = theta + 0.2 * rng.standard_normal(6)
    return Example({"theta": theta}, constants={
        name: 2 + rng.standard_normal(n["R"]) for name in ("log_n", "log_d")})


def draw_pair(rng, n):
    return {"chosen": draw_logp(rng, n), "rejected": draw_logp(rng, n)}


def draw_logp(rng, n):
    """Log-probabilities of texts, O(1) apart: (B,)."""
    return rng.standard_normal(n["B"]) - 4


def draw_beta(rng):
    return float(rng.choice([0.5, 1.0]))


def example_skip_gram(rng, n):
    shapes = {"words": n["B"], "contexts": n["B"], "noise": (n["B"], n["M"])}
    tables = rng.standard_normal((2, n["V"], n["C"])) / n["C"] ** 0.25  # scores are O(1)
    return Example({name: rng.integers(0, n["V"], shape) for name, shape in shapes.items()},
                   skip_gram.Params(*map(Table, tables)))


def repeated(*names):
    """Predicate: an id comes more than once among these inputs, taken together."""
    def shown(n, e):
        ids = np.concatenate([e.inputs[name].ravel() for name in names])
        return np.unique(ids).size < ids.size
    return shown


LAB_LAYERS = [
    Layer("sequence_logp", "BTV", example_sequence_logp,
          lambda n, e: twin("sequence_logp").SequenceLogp(),
          above_1("B", "T", "V") | {
              "a token that doesn't count": lambda n, e: not np.all(
                  True if e.constants["counted"] is None else e.constants["counted"]),
              "no mask": lambda n, e: e.constants["counted"] is None}),
    Layer("attention_only", "BTVSLHD", example_attention_only,
          lambda n, e: twin("attention_only").AttentionOnly(**vars(e.options["config"])),
          above_1("B", "T", "V", "S", "L", "H", "D") | {"a repeated token": repeats},
          whole_model=True, overflows=True),
    Layer("megabyte", "BQMVLHD", example_megabyte,
          lambda n, e: twin("megabyte").Megabyte(**vars(e.options["config"])),
          above_1("B", "Q", "M", "V", "L", "H", "D") | {"a repeated token": repeats},
          whole_model=True, overflows=True, most={"H": 4, "D": 16}),
    Layer("clipped_surrogate", "BT", example_clipped_surrogate,
          lambda n, e: twin("clipped_surrogate").ClippedSurrogate(**e.options),
          above_1("B", "T") | {
              "A > 0, clipped above": beyond(True, True),
              "A > 0, below the range": beyond(True, False),
              "A < 0, above the range": beyond(False, True),
              "A < 0, clipped below": beyond(False, False)}),
    Layer("dpo", "B", example_dpo, lambda n, e: twin("dpo").DPO(**e.options), above_1("B")),
    Layer("kto", "B", example_kto, lambda n, e: twin("kto").KTO(**e.options), above_1("B") | {
        "a desirable text": lambda n, e: e.constants["desirable"].any(),
        "an undesirable text": lambda n, e: not e.constants["desirable"].all(),
        "two weights": lambda n, e: e.options["lambda_d"] != e.options["lambda_u"]}),
    Layer("simpo", "B", example_simpo, lambda n, e: twin("simpo").SimPO(**e.options),
          above_1("B") | {
              "a margin": lambda n, e: e.options["gamma"] > 0,
              "two lengths": lambda n, e: (
                  e.constants["chosen_length"] != e.constants["rejected_length"]).any()}),
    Layer("lora", "BTIOR", example_lora,
          lambda n, e: twin("lora").LoRA(n["I"], n["O"], n["R"], **e.options),
          above_1("B", "T", "I", "O", "R") | {
              "I other than O": lambda n, e: n["I"] != n["O"],
              "a scale other than 1": lambda n, e: e.options["scale"] != 1}),
    Layer("skip_gram", "BMVC", example_skip_gram,
          lambda n, e: twin("skip_gram").SkipGram(n["V"], n["C"]),
          above_1("B", "M", "V", "C") | {
              "a repeated word": repeated("words"),
              "a repeated context": repeated("contexts"),
              "a repeated drawn word": repeated("noise"),
              "a drawn word that is a context": repeated("contexts", "noise")}),
    Layer("scaling_law", "R", example_scaling_law, lambda n, e: twin("scaling_law").ScalingLaw(),
          above_1("R"), overflows=True),
]
