"""The names, defaults and words of every hyperparameter, and the presets: in one place."""

MODEL = {  # name: (default, help)
    "block_size": (32, "tokens in a sequence (T, and S of the position table)"),
    "n_layer": (2, "blocks (L)"),
    "n_head": (4, "heads (H)"),
    "n_embd": (64, "channels (C)"),
    "dropout": (0.0, "the rate of every dropout"),
}
SCHEDULE = {
    "steps": (600, "updates"),
    "lr": (4e-3, "the highest learning rate"),
    "min_lr": (4e-4, "the learning rate at the end of the cosine"),
    "warmup": (50, "updates in which the learning rate rises"),
    "beta1": (0.9, "AdamW's decay of the mean gradient"),
    "beta2": (0.99, "AdamW's decay of the mean squared gradient"),
    "eps": (1e-8, "AdamW's term against division by zero"),
    "weight_decay": (0.1, "AdamW's decay of the matrices"),
    "clip": (1.0, "the largest norm of the gradient"),
}
RUN = {
    "vocab_size": (0, "rows of the token table (V); 0: as many as the tokenizer has tokens"),
    "batch_size": (16, "sequences in a batch (B)"),
    "seed": (0, "of the initial values, batches, masks and samples"),
}
FOLDER, MERGES = "run", 1000  # of a run; of bpe
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
    return {name: default for name, (default, _) in table.items()} | PRESETS.get(preset, {})
