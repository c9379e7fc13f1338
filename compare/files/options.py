"""Every setting of a run, in one place: its default, its words on the command line, its values.

What sizes the model and what schedules the training is checked by Config and Schedule themselves.
What sizes one kind of model only is refused with the others.
"""

import math
from typing import Any, Callable, NamedTuple

from ..layers.models import MODELS
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


SIZES = {   # of every model
    "block_size": Option(32, "tokens in a sequence (T), and the most that the model reads (S)"),
    "n_layer": Option(2, "blocks (L)"),
    "n_head": Option(4, "heads (H)"),
    "n_embd": Option(64, "channels (C)"),
}
MODEL = {   # of each model, by its stem
    "gpt": SIZES | {
        "dropout": Option(0.0, "the rate of every dropout"),
    },
    "llama": SIZES | {
        "n_kv_head": Option(0, "heads of keys and values (K); 0: half of n_head, or all of them "
                            "where that is odd"),
        "n_hidden": Option(0, "hidden channels of the MLP (F); 0: 8/3 n_embd, or a little more, "
                           "to make it a multiple of 8"),
        "rope_base": Option(10000.0, "the base of the angles by which positions turn"),
        "tied": Option(False, "let the table of tokens be the head as well"),
    },
}
FOLLOWS = {  # what 0 stands for, from the other sizes
    "n_kv_head": lambda sizes: sizes["n_head"] // (1 if sizes["n_head"] % 2 else 2),
    "n_hidden": lambda sizes: 8 * -(-sizes["n_embd"] // 3),
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
    "model": Option("gpt", f"which one: {' or '.join(MODELS)}", MODELS.__contains__,
                    ", ".join(MODELS)),
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
PRESETS = {  # what differs from the defaults above; a model takes what it has
    "micro": {"block_size": 8, "n_layer": 1, "n_head": 2, "n_embd": 8, "batch_size": 8,
              "steps": 300, "lr": 1e-2, "min_lr": 1e-3, "warmup": 20},
    "laptop": {"block_size": 64, "n_layer": 4, "n_head": 4, "n_embd": 128, "batch_size": 12,
               "steps": 2000, "lr": 1e-3, "min_lr": 1e-4, "warmup": 100},
    "baby": {"block_size": 256, "n_layer": 6, "n_head": 6, "n_embd": 384, "dropout": 0.2,
             "batch_size": 64, "steps": 5000, "lr": 1e-3, "min_lr": 1e-4, "warmup": 100},
    "gpt2": {"block_size": 1024, "n_layer": 12, "n_head": 12, "n_embd": 768, "batch_size": 1,
             "steps": 1000, "lr": 6e-4, "min_lr": 6e-5, "warmup": 100, "beta2": 0.95,
             "vocab_size": 50257, "tied": True},
}


def of_all_models():
    """Return the options of all models by name."""
    return {name: option for own in MODEL.values() for name, option in own.items()}


def defaults(preset=None, model=RUN["model"].default):
    """Return the value of each hyperparameter of a model, those of a preset if one is given.

    Raises ValueError for a preset or a model that does not exist.
    """
    check_option("model", model)
    if preset is not None and preset not in PRESETS:
        raise ValueError(f"preset is {preset}; allowed: {', '.join(PRESETS)}")
    found = {name: option.default for name, option in (MODEL[model] | SCHEDULE | RUN).items()}
    own = {name: value for name, value in PRESETS.get(preset, {}).items() if name in found}
    return found | own | {"model": model}


def followed(sizes):
    """Return the sizes of a model with what 0 stands for."""
    return sizes | {name: follow(sizes) for name, follow in FOLLOWS.items() if sizes.get(name) == 0}


def check_option(name, value):
    """Refuse a value that an option does not allow with a ValueError."""
    option = (RUN | KEPT)[name]
    if not option.allows(value):
        raise ValueError(f"{name} is {quoted(value)}; allowed: {option.allowed}")


def owners(name):
    """Return the models that have an option; none of one that is no model's."""
    return [stem for stem, own in MODEL.items() if name in own]


def check_belongs(name, model):
    """Refuse an option that this model has not with a ValueError that names those that have it."""
    if name not in MODEL[model]:
        raise ValueError(f"{name} is given; allowed: only with --model {' or '.join(owners(name))}")
