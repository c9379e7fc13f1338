"""The table of what the labs add: a row per layer in reference/labs/, as table.py has them."""

import numpy as np

from .row import Example, Layer, above_1
from .source import twin


def example_sequence_logp(rng, n):
    logits = 2 * rng.standard_normal((n["B"], n["T"], n["V"]))
    tokens = rng.integers(0, n["V"], (n["B"], n["T"]))
    counted = rng.random(tokens.shape) < 0.7 if rng.random() < 0.8 else None
    return Example({"logits": logits, "tokens": tokens}, constants={"counted": counted})


LAB_LAYERS = [
    Layer("sequence_logp", "BTV", example_sequence_logp,
          lambda n, e: twin("sequence_logp").SequenceLogp(),
          above_1("B", "T", "V") | {
              "a token that doesn't count": lambda n, e: not np.all(
                  True if e.constants["counted"] is None else e.constants["counted"]),
              "no mask": lambda n, e: e.constants["counted"] is None}),
]
