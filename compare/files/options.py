"""Every setting of a run, in one place: its default, its words on the command line, its values.

What sizes the model and what schedules the training is checked by Config and Schedule themselves.
"""

import math
from typing import Any, Callable, NamedTuple

from .weight_files import quoted


class Option(NamedTuple):
    """One setting."""

    default: Any
    words: str
    allows: Callable[[Any], bool] | None = None  # None where Config or Schedule checks it
    allowed: str = ""


def whole(least, most=math.inf):
    """Return whether a value is an integer in a range, as a function of the value."""
    return lambda value: type(value) is int and least <= value <= most


def are_paths(value):
    """Return whether a value is a path, a list of some, or None."""
    some = value if type(value) is list and value else [value or ""]
    return all(type(path) is str for path in some)


MODEL = {
    "block_size": Option(32, "tokens in a sequence (T, and S of the position table)"),
    "n_layer": Option(2, "blocks (L)"),
    "n_head": Option(4, "heads (H)"),
    "n_embd": Option(64, "channels (C)"),
    "dropout": Option(0.0, "the rate of every dropout"),
}
SCHEDULE = {
    "steps": Option(600, "updates"),
    "lr": Option(4e-3, "the highest learning rate"),
    "min_lr": Option(4e-4, "the learning rate at the end of the cosine; lr at most"),
    "warmup": Option(50, "updates in which the learning rate rises; steps at most"),
    "beta1": Option(0.9, "AdamW's decay of the mean gradient"),
    "beta2": Option(0.99, "AdamW's decay of the mean squared gradient"),
    "eps": Option(1e-8, "AdamW's term against division by zero"),
    "weight_decay": Option(0.1, "AdamW's decay of the matrices"),
    "clip": Option(1.0, "the largest norm of the gradient"),
    "decay_steps": Option(0, "updates in which the learning rate falls; 0: all"),
}
RUN = {
    "vocab_size": Option(0, "rows of the token table (V); 0: as many as the tokenizer has tokens",
                         whole(0), "an integer from 0 up"),
    "batch_size": Option(16, "sequences in a batch (B)",
                         whole(1, 2**20), f"an integer from 1 to {2**20}"),
    "accumulate": Option(1, "batches whose gradients make one update",
                         whole(1, 2**20), f"an integer from 1 to {2**20}"),
    "seed": Option(0, "of the initial values, batches, masks and samples",
                   whole(0), "an integer from 0 up"),
}
# of a run, in its checkpoint
KEPT = {name: RUN[name] for name in ("batch_size", "accumulate", "seed")} | {
    "dtype": Option("float32", "of every array",
                    ("float32", "float64").__contains__, "float32 or float64"),
    "text": Option(None, "the path of the text, or several",
                   are_paths, "a path, a list of paths, or null"),
    "valid_text": Option(None, "likewise of the validation text",
                         are_paths, "a path, a list of paths, or null"),
    "field": Option("text", "of JSON lines", lambda word: type(word) is str, "a word"),
    "digest": Option("", "what tells one text from another",
                     lambda word: type(word) is str, "a word"),
    "with": Option("numpy", "which implementation",
                   ("numpy", "torch").__contains__, "numpy or torch"),
    "stats": Option(False, "whether what happens inside is noted",
                    lambda given: type(given) is bool, "true or false"),
    "threads": Option(1, "that work at one time",
                      whole(1, 2**12), f"an integer from 1 to {2**12}"),
}
# what older checkpoints lack
OPTIONAL = {"with", "threads", "accumulate", "stats", "valid_text", "field"}
FOLDER, MERGES = "run", 1000    # of a run; of bpe
PRESETS = {  # what differs from the defaults above
    "micro": {"block_size": 8, "n_layer": 1, "n_head": 2, "n_embd": 8, "batch_size": 8,
              "steps": 300, "lr": 1e-2, "min_lr": 1e-3, "warmup": 20},
    "laptop": {"block_size": 64, "n_layer": 4, "n_head": 4, "n_embd": 128, "batch_size": 12,
               "steps": 2000, "lr": 1e-3, "min_lr": 1e-4, "warmup": 100},
    "baby": {"block_size": 256, "n_layer": 6, "n_head": 6, "n_embd": 384, "dropout": 0.2,
             "batch_size": 64, "steps": 5000, "lr": 1e-3, "min_lr": 1e-4, "warmup": 100},
    "gpt2": {"block_size": 1024, "n_layer": 12, "n_head": 12, "n_embd": 768, "batch_size": 1,
             "steps": 1000, "lr": 6e-4, "min_lr": 6e-5, "warmup": 100, "beta2": 0.95,
             "vocab_size": 50257},
}


def defaults(preset=None):
    """Return the value of each hyperparameter by name, those of a preset if one is given.

    Raises ValueError for a preset that does not exist.
    """
    if preset is not None and preset not in PRESETS:
        raise ValueError(f"preset is {preset}; allowed: {', '.join(PRESETS)}")
    table = MODEL | SCHEDULE | RUN
    return {name: option.default for name, option in table.items()} | PRESETS.get(preset, {})


def check_option(name, value):
    """Refuse a value that an option does not allow with a ValueError."""
    option = (RUN | KEPT)[name]
    if not option.allows(value):
        raise ValueError(f"{name} is {quoted(value)}; allowed: {option.allowed}")
