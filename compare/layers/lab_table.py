"""The table of what the labs add: a row per layer in reference/labs/, as table.py has them."""

import numpy as np

from reference import gpt
from reference.labs import attention_only

from .draws import draw_attention, draw_embedding, draw_ids, draw_norm, repeats
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
]
