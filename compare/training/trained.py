"""A trained model: of a run, of a checkpoint, by GPT-2's names, or a llama of others."""

import dataclasses
import sys
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

from reference.tools import tree

from ..files import checkpoint, gpt2, llama, llama_gguf, weight_files
from ..files.options import FOLDER, PRESETS
from ..layers.params import shapes
from ..text import gpt2_files, kinds, published

SAFE = "model.safetensors", "model.safetensors.index.json"  # one file, or what lists several
CONFIG = 2**16  # characters of a config.json, many times those of a usual one


class Model(NamedTuple):
    """What is trained, and how it reads and writes text."""

    config: Any
    params: tuple
    tokenizer: Any


def of_run(given):
    """Return the Model of a training, and say which of its checkpoints that is."""
    path = checkpoint.of_folder(FOLDER if given.out is None else given.out, given.last)
    saved = checkpoint.load(path)
    valid = saved.log.entries[-1].valid if saved.log.entries else None
    print(f"{path}, after step {saved.state.step}"
          + ("" if valid is None else f", validation loss {valid:.4f}"), file=sys.stderr)
    return Model(saved.config, saved.params, kinds.from_dict(saved.tokenizer))


def of_weights(path, n_head, gpt2_folder, tokenizer=None):
    """Return the Model of a checkpoint, or of weights by GPT-2's names with a tokenizer or GPT-2's.

    Raises ValueError for a file that is neither, and for a model of fewer tokens than those.
    """
    if is_checkpoint(path):
        saved = checkpoint.load(path)
        if n_head not in (None, saved.config.n_head):
            raise ValueError(f"n_head is {n_head}, but {path} has {saved.config.n_head}; "
                             "allowed: no other size than its own")
        if gpt2_folder is not None and tokenizer is None:
            raise ValueError(f"gpt2_files is {gpt2_folder}; allowed: only with weights that hold "
                             "no tokenizer")
        if tokenizer is not None and tokenizer.to_dict() != saved.tokenizer:
            raise ValueError(f"tokenizer is another than that of {path}, whose ids would mean "
                             "other text; allowed: without --tokenizer")
        model = Model(saved.config, saved.params, tokenizer or kinds.from_dict(saved.tokenizer))
    else:
        folder = "." if gpt2_folder is None else gpt2_folder
        model = Model(*gpt2.from_gpt2(weight_files.read_weights(path), n_head=n_head),
                      tokenizer or gpt2_files.load_gpt2(folder))
    if model.config.vocab_size < model.tokenizer.vocab_size:
        where = gpt2_folder or "." if tokenizer is None else "the tokenizer"
        raise ValueError(f"weights is {path}, a model of {model.config.vocab_size} tokens; "
                         f"allowed: at least the {model.tokenizer.vocab_size} of {where}")
    return model


def is_checkpoint(path):
    """Whether a file is a checkpoint of ours rather than weights, whole or not."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "about.npy" in archive.namelist()
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


def of_llama(path, keep_bits=False):
    """Return the Model of a llama: a GGUF file, or a folder in Hugging Face's form.

    That has config.json, tokenizer.json, and model.safetensors or the index of several. With
    keep_bits the weights of a GGUF file stay packed.
    Raises ValueError for files that are missing, damaged, or of another model.
    """
    path = Path(path)
    if not path.is_dir():
        config, tensors, metadata = llama_gguf.read_llama(path)
        params_of = llama_gguf.kept_of if keep_bits else llama_gguf.floats_of
        tokenizer, params = published.of_metadata(metadata), params_of(config, tensors)
    else:
        fields = gpt2_files.read_json("model", path / "config.json", "a config.json", CONFIG)
        weights = next((path / name for name in SAFE if (path / name).is_file()), path / SAFE[0])
        config, params = llama.from_llama(weight_files.read_weights(weights), fields)
        tokenizer = published.load_json(path / "tokenizer.json", fields.get("eos_token_id"))
    if config.vocab_size < tokenizer.vocab_size:
        raise ValueError(f"model is {path}, of {config.vocab_size} tokens; allowed: at least the "
                         f"{tokenizer.vocab_size} of its tokenizer")
    return Model(config, params, tokenizer)


def check_keep_bits(given):
    """Refuse to keep weights packed where they are not, or where only floats are multiplied."""
    if not given.keep_bits:
        return
    if given.model is None or Path(given.model).is_dir():
        raise ValueError("keep_bits is given; allowed: only with --model FILE.gguf")
    if given.side == "torch":
        raise ValueError("keep_bits is given; allowed: only with --with numpy")


def without_spare_tokens(model):
    """Return the model without the rows of its tables that no token has."""
    return Model(*cut(model.config, model.params, vocab_size=model.tokenizer.vocab_size),
                 model.tokenizer)


def cut(config, params, **sizes):
    """Return a Config with smaller tables and its Params: the first rows of each."""
    config, arrays = dataclasses.replace(config, **sizes), dict(tree.walk(params))
    return config, tree.unwalk(params, {name: arrays[name][:shape[0]]
                                        for name, shape in shapes(config)})


def to_train(model, given, dtype, values):
    """Return the config and the parameters to begin with, in a dtype, with windows as given.

    Raises ValueError for other sizes than the model's; only windows may be shorter.
    """
    preset, own = PRESETS.get(given.preset, {}), vars(model.config)
    wanted = {name: preset.get(name) if getattr(given, name, None) is None else getattr(given, name)
              for name in own}
    for name in own.keys() - {"block_size", "dropout", "eps"}:  # --eps is AdamW's
        if wanted[name] not in (None, 0, own[name]):
            raise ValueError(f"{name} is {wanted[name]}, but {given.weights} has {own[name]}; "
                             "allowed: no other size than its own")
    S = wanted["block_size"] or model.config.block_size
    if S > model.config.block_size:
        raise ValueError(f"block_size is {S}, but {given.weights} has {model.config.block_size} "
                         "positions; allowed: at most so many")
    config, params = cut(model.config, model.params, block_size=S)
    if "dropout" in own:
        config = dataclasses.replace(config, dropout=values["dropout"])
    return config, tree.map(lambda a: a.astype(dtype), params)
