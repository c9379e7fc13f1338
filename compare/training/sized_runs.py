"""Runs of one GPT at several widths and budgets: their recorded table, and any of them anew.

The table is what the lab scaling fits, and what plan predicts from.
"""

import csv
import platform
import time
from typing import NamedTuple

from reference.gpt import Config
from reference.train import Schedule

from ..layers.source import HOUSE
from ..text import kinds
from ..text.documents import Source
from . import plan
from .job import Batches, Job, validation

TABLE = HOUSE / "compare" / "labs" / "logs" / "scaling_runs.csv"
WIDTHS, UNSEEN = (4, 8, 16, 32, 64), 128  # of the fit; of the size that it does not see
BUDGETS = (2**17, 3 * 2**17, 9 * 2**17)  # tokens
SEEDS = (0, 1, 2)
BLOCK, BATCH, BLOCKS, HEAD = 32, 16, 2, 16  # T, B, L, channels of a head
RATE = 0.3    # over the width: the learning rate, found by a pilot with another seed


class SizedRun(NamedTuple):
    """One run: what went in, and the loss on the whole validation text at its end."""

    width: int
    tokens: int
    seed: int
    parameters: int
    operations: int  # of all its updates
    loss: float
    seconds: float   # of processor time


class Sized:
    """The text, and a Job for any size."""

    def __init__(self):
        documents = Source().read()
        self.tokenizer = kinds.make("characters", documents, 0, None)
        self.parts = documents.ids(self.tokenizer, BLOCK)
        self.length = documents.length

    def job(self, width, tokens, seed, dtype="float32"):
        """Return the Job of a run; its learning rate falls to a tenth by its last update."""
        steps, rate = tokens // (BATCH * BLOCK), RATE / width
        schedule = Schedule(steps=steps, lr=rate, min_lr=rate / 10, warmup=min(50, steps // 4))
        return Job(self.config(width), schedule, BATCH, seed, dtype, self.tokenizer, *self.parts,
                   threads=1)

    def config(self, width):
        """Return the Config of a width."""
        return Config(self.tokenizer.vocab_size, BLOCK, BLOCKS, max(1, width // HEAD), width)

    def run(self, width, tokens, seed, side="numpy"):
        """Return the SizedRun of one cell, trained by a side."""
        job = self.job(width, tokens, seed)
        trainer, start = trainer_of(side)(job), time.process_time()
        for _ in trainer.steps(Batches(job)):
            pass
        loss = float(trainer.evaluate(validation(job, None)))
        per_token = plan.plan_of(job.config, BATCH).per_token
        return SizedRun(width, tokens, seed, plan.parameters(job.config), tokens * per_token, loss,
                        time.process_time() - start)


def trainer_of(side):
    """Return the class that trains with one side, on one thread."""
    if side == "torch":
        import torch

        from .torch_side import TorchSide
        torch.set_num_threads(1)
        return TorchSide
    from .numpy_side import NumpySide
    return NumpySide


def cells_of_table():
    """Return (width, tokens, seed) of every run of the table, the dear ones last."""
    return [(width, tokens, seed) for width in (*WIDTHS, UNSEEN) for tokens in BUDGETS
            for seed in SEEDS]


def read_table(path=TABLE):
    """Return the SizedRuns of a table."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        forms = SizedRun.__annotations__
        return [SizedRun(**{name: forms[name](word) for name, word in row.items()})
                for row in rows]


def recorded_length(path=TABLE):
    """Return how many characters the text had that a table was recorded with."""
    with open(path, encoding="utf-8") as file:
        return int(next(line.split()[1] for line in file if line.endswith(" different\n")))


def record(path, machine):
    """Train every cell and write the table, a row as soon as it is measured; yield each row."""
    sized = Sized()
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        print(f"# {machine}, Python {platform.python_version()}, NumPy side, float32, one thread",
              f"# {sized.length} characters, {sized.tokenizer.vocab_size} different",
              ",".join(SizedRun._fields), sep="\n", file=file)
        for cell in cells_of_table():
            run = sized.run(*cell)
            words = run._replace(loss=f"{run.loss:.6f}", seconds=f"{run.seconds:.1f}")
            print(*words, sep=",", file=file, flush=True)
            yield run
