"""What is trained: everything that a run depends on, its batches, and its validation text."""

import hashlib
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.train import Schedule

from ..files.checkpoint import Checkpoint
from ..layers.models import model_of
from ..layers.streams import stream
from ..text import corpus
from ..text.documents import Source


@dataclass(frozen=True)
class Job:
    """Everything that a run depends on, and where it began."""

    config: Any  # of a model
    schedule: Schedule
    batch_size: int
    seed: int
    dtype: str
    tokenizer: object
    train_ids: np.ndarray
    valid_ids: np.ndarray
    source: Source = Source()  # of the text
    start: Checkpoint | None = None
    threads: int = os.cpu_count()
    accumulate: int = 1
    stats: bool = False  # whether what happens inside is noted
    weights: tuple | None = None  # to begin with, in place of what the seed draws

    @property
    def tokens(self):
        """How many tokens an update reads."""
        return self.accumulate * self.batch_size * self.config.block_size

    @property
    def done(self):
        """How many updates were made before this run."""
        return self.start.state.step if self.start else 0

    def initial(self):
        """Return (params, state) to go on from: the checkpoint's, or None for the state, and the
        weights to begin with or what the seed draws."""
        if self.start:
            return self.start.params, self.start.state
        if self.weights:
            return self.weights, None
        rng = stream(self.seed, "initial values")
        return model_of(self.config).numpy.init(self.config, rng, np.dtype(self.dtype)), None


class Batches:
    """The batches of a run, (tokens, targets, keep), and the state of what draws them."""

    def __init__(self, job):
        self.generators = {name: stream(job.seed, name) for name in ("batches", "masks")}
        for name, state in (job.start.generators if job.start else {}).items():
            self.generators[name].bit_generator.state = state
        self.draws = corpus.batches(
            job.train_ids, block_size=job.config.block_size, batch_size=job.batch_size,
            rng=self.generators["batches"])
        self.draw_keep = model_of(job.config).numpy.draw_keep
        self.config, self.last = job.config, None  # the last batch, to look at it again

    def __iter__(self):
        return self

    def __next__(self):
        tokens, targets = next(self.draws)
        keep = self.draw_keep(self.generators["masks"], *tokens.shape, self.config)
        self.last = tokens, targets
        return tokens, targets, keep

    def states(self):
        """Return the states of the generators, for a checkpoint."""
        return {name: rng.bit_generator.state for name, rng in self.generators.items()}


def validation(job, most):
    """Yield the batches of the validation text, at most so many, all of them for None."""
    for i, batch in enumerate(corpus.windows(job.valid_ids, block_size=job.config.block_size,
                                           batch_size=job.batch_size)):
        if i == most:
            return
        yield batch


def digest(job):
    """Return what tells one text from another: a resumed run must read the one it began with.

    All of it tells: each id, and where the validation part begins. The usual place adds nothing,
    so that the digest of a text alone is that of its ids.
    """
    sha = hashlib.sha256(np.concatenate([job.train_ids, job.valid_ids]).tobytes())
    if len(job.train_ids) != corpus.usual_cut(len(job.train_ids) + len(job.valid_ids)):
        sha.update(f"validation from {len(job.train_ids)}".encode())
    return sha.hexdigest()


def is_leader():
    """Whether this is the first of the processes that torchrun started, or the only one."""
    return os.environ.get("RANK", "0") == "0"
