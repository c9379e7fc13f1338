"""train --lora: adapters learn a text beside a llama that stays as it is, with either side."""

import dataclasses
import os
from functools import partial

from reference import adamw
from reference.fast import adapted_llama, blas, memory
from reference.labs import adaptation
from reference.tools import tree

from ..files import adapter
from ..files.options import FOLDER
from ..layers.streams import stream
from ..text.documents import Source
from ..words import argument
from . import trained
from .costs import parameters
from .finish import finish
from .folder import RunFolder, is_best
from .job import Job
from .loop import Run
from .numpy_side import NumpySide
from .settings import schedule_of, values_of

USUAL = {"block_size": 256, "batch_size": 1, "steps": 60, "lr": 1e-3, "min_lr": 1e-4, "warmup": 6,
         "weight_decay": 0.0, "beta2": 0.999}  # of options that are not given
SCALE = 2.0                                    # of each adapter's product
SHORTEST = 8                                   # tokens of a window


class AdapterFolder(RunFolder):
    """The folder of adapters: adapter.safetensors, best.safetensors, log.csv, loss.svg."""

    kept = "adapter.safetensors", "best.safetensors"

    def __init__(self, folder, model):
        super().__init__(folder)
        self.model, self.mark = model, None

    def save(self, job, params, state, generators, noted, side, say):
        """Save the adapters as they stand; say what can't be written, and let training go on."""
        self.write_notes(job.config, noted, say)
        save = partial(adapter.save_adapters, scale=SCALE, mark=self.mark)
        for path in [self.best] * is_best(noted, state.step) + [self.checkpoint]:
            self.write(save, path, params, say)

    def next_step(self, run):
        """Return what to do when a run has ended, a line."""
        best = self.best if self.best.is_file() else self.checkpoint
        return (f"to write text: python -m compare sample --model {argument(self.model)} "
                f"--adapter {argument(best)}")


class NumpyAdapting(NumpySide):
    """Adapters in training beside a frozen llama, in NumPy."""

    def __init__(self, job, frozen):
        self.job, self.params, self.state = job, job.weights, adamw.init(job.weights)
        self.optimizer, options = adamw, dict(frozen=frozen, scale=SCALE)
        self.loss = partial(adapted_llama.loss, **options)
        self.loss_and_grad = partial(adapted_llama.loss_and_grad, **options)
        memory.keep()

    def steps(self, batches):
        """Yield a Step after each update."""
        with blas.threads(self.job.threads):
            yield from super().steps(batches)


def train_adapters(given):
    """Train adapters for a llama of others on a text; return the exit code."""
    check_adapting(given)
    folder = AdapterFolder(FOLDER if given.out is None else given.out, given.model)
    with folder.held():
        if folder.checkpoint.is_file():
            raise ValueError(f"out is {folder.path}, which holds {folder.checkpoint.name}; "
                             "allowed: another --out")
        job, frozen = adapter_job(given)
        folder.mark = adapter.mark_of(frozen)
        if given.side == "numpy":
            side = NumpyAdapting(job, frozen)
        else:
            from .torch_adapting import TorchAdapting
            side = TorchAdapting(job, frozen, SCALE)
        return finish(Run(job, side, folder).train())


def check_adapting(given):
    """Refuse options that adapters don't take with a ValueError."""
    if given.lora < 1:
        raise ValueError(f"lora is {given.lora}; allowed: a rank from 1 up")
    if given.side == "both":
        raise ValueError("with is both; allowed with --lora: numpy or torch")
    trained.check_keep_bits(given)
    if given.device != "cpu":
        raise ValueError(f"device is {given.device}; allowed with --lora: cpu")
    for name in ("resume", "weights", "tokenizer", "merges", "gpt2_files", "stats", "preset",
                 "vocab_size", "dtype", "autocast", "compile"):
        if getattr(given, name):
            raise ValueError(f"{name} is {getattr(given, name)}; allowed: only without --lora")
    for name in "n_layer", "n_head", "n_embd", "dropout", "n_kv_head", "n_hidden", "tied":
        if getattr(given, name) is not None:
            raise ValueError(f"{name} is {getattr(given, name)}; allowed: only without --lora, as "
                             "the model has its own")


def adapter_job(given):
    """Return the Job of training adapters, which begins with those that the seed draws, and the
    parameters beside which they learn."""
    source = Source(given.text, given.valid_text, given.field)
    documents = source.read()
    config, frozen, tokenizer = trained.of_llama(given.model, given.keep_bits)
    if (given.block_size or 1) > config.block_size:
        raise ValueError(f"block_size is {given.block_size}, but {given.model} has "
                         f"{config.block_size} positions; allowed: at most so many")
    parts = documents.ids(tokenizer, given.block_size or SHORTEST)
    values = values_of(given, "llama", USUAL)
    S = min(values["block_size"], config.block_size, *(len(part) - 1 for part in parts))
    adapters = adaptation.init(frozen, given.lora, stream(values["seed"], "initial values"))
    print(f"{tree.count(adapters):,} parameters in adapters of rank {given.lora}, beside "
          f"{parameters(config):,} that stay; {sum(map(len, parts)):,} tokens, seed "
          f"{values['seed']}")
    return Job(dataclasses.replace(config, block_size=S), schedule_of(values),
               values["batch_size"], values["seed"], "float32", tokenizer, *parts, source.whole(),
               threads=given.threads or os.cpu_count(), accumulate=values["accumulate"],
               weights=adapters), frozen
