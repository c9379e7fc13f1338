"""Training with one implementation: progress, log, loss curve, checkpoints, stop and resume.

This file needs no torch; the torch side is in torch_side.py.
"""

import contextlib
import hashlib
import os
import signal
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

import reference.train
from reference import gpt
from reference.fast import memory, parallel
from reference.fast.fused_adamw import FusedAdamW
from reference.train import Schedule

from ..files import checkpoint
from ..text import corpus
from . import progress
from ..files.checkpoint import Checkpoint

EVALUATIONS = 10   # of the validation loss in a run, and as many checkpoints
SAMPLE = 20        # batches of validation text that each takes; the last takes all of it


@dataclass(frozen=True)
class Job:
    """Everything that a run depends on, and where it began."""

    config: gpt.Config
    schedule: Schedule
    batch_size: int
    seed: int
    dtype: str
    tokenizer: object
    train_ids: np.ndarray
    valid_ids: np.ndarray
    source: str | None = None  # the file of the text; None is the language reference
    start: Checkpoint | None = None
    threads: int = os.cpu_count()

    @property
    def done(self):
        """How many updates were made before this run."""
        return self.start.state.step if self.start else 0

    def initial(self):
        """Return (params, state) to go on from: the checkpoint's, or what the seed draws and None."""
        if self.start:
            return self.start.params, self.start.state
        params = gpt.init(self.config, np.random.default_rng([self.seed, 5]), np.dtype(self.dtype))
        return params, None


class Batches:
    """The batches of a run, (tokens, targets, keep), and the state of what draws them."""

    def __init__(self, job):
        self.generators = {"batches": np.random.default_rng([job.seed, 6]),
                           "masks": np.random.default_rng([job.seed, 4])}
        for name, state in (job.start.generators if job.start else {}).items():
            self.generators[name].bit_generator.state = state
        self.draws = corpus.batches(
            job.train_ids, block_size=job.config.block_size, batch_size=job.batch_size,
            rng=self.generators["batches"])
        self.config = job.config

    def __iter__(self):
        return self

    def __next__(self):
        tokens, targets = next(self.draws)
        return tokens, targets, gpt.draw_keep(self.generators["masks"], *tokens.shape, self.config)

    def states(self):
        """Return the states of the generators, for a checkpoint."""
        return {name: rng.bit_generator.state for name, rng in self.generators.items()}


class NumpySide:
    """The NumPy model in training."""

    name = "numpy"

    def __init__(self, job):
        self.job = job
        memory.keep()

    def steps(self, batches):
        """Yield a Step after each update."""
        job, optimizer = self.job, FusedAdamW(*self.job.initial(), threads=self.job.threads)
        for step in reference.train.train(
                optimizer.params, batches, config=job.config, schedule=job.schedule,
                loss_and_grad=partial(parallel.loss_and_grad, threads=job.threads),
                state=optimizer.state, optimizer=optimizer):
            self.params, self.state = step.params, step.state
            yield step

    def evaluate(self, batches):
        """Return the mean loss over batches (tokens, targets)."""
        return reference.train.evaluate(self.params, batches, config=self.job.config,
                                        loss=partial(parallel.loss, threads=self.job.threads))

    def snapshot(self):
        """Return (params, state) as NumPy arrays."""
        return self.params, self.state

    def should_stop(self, asked):
        """Whether to stop: there is no other process to ask."""
        return asked


class Interrupt:
    """Turns the first Ctrl-C into a wish to stop after the step; the second stops at once."""

    def __init__(self, tells):
        self.asked, self.writing, self.tells = False, False, tells

    def __enter__(self):
        self.before = signal.signal(signal.SIGINT, self.ask)
        return self

    def ask(self, *_):
        if self.asked and not self.writing:
            raise KeyboardInterrupt
        if self.tells and not self.asked:
            with contextlib.suppress(OSError):  # not print, which may be what was interrupted
                os.write(2, b"\nstopping after this step; a second Ctrl-C stops at once, "
                            b"and loses what came after the last checkpoint\n")
        self.asked = True

    @contextlib.contextmanager
    def waiting(self):
        """Let no Ctrl-C stop what a with block writes."""
        self.writing = True
        try:
            yield
        finally:
            self.writing = False

    def __exit__(self, *_):
        signal.signal(signal.SIGINT, self.before)


def run(job, side, files, leader=True):
    """Train to the end or to Ctrl-C, and return the log; only the leader shows and saves."""
    if leader:
        files.prepare()
    entries = [entry for entry in files.log() if entry.step <= job.done]
    batches, steps = Batches(job), job.schedule.steps
    shown = progress.Progress(steps, job.done)
    every, losses, valid = max(1, steps // EVALUATIONS), [], None
    with Interrupt(leader) as interrupt:
        for step in side.steps(batches):
            done, stop = step.index + 1, side.should_stop(interrupt.asked)
            losses.append(step.loss)
            due = done % every == 0 or done == steps or stop
            if due or done % max(1, steps // 100) == 0:
                entries.append(progress.Entry(done, float(np.mean(losses)), None,
                                              step.lr, float(step.norm)))
                losses = []
            if due and leader:  # before the validation, so that it may be broken off
                with interrupt.waiting():
                    files.save(job, *side.snapshot(), batches.states(), entries, side.name, shown)
            if due and not stop:
                valid = side.evaluate(validation(job, None if done == steps else SAMPLE))
                entries[-1] = entries[-1]._replace(valid=valid)
            if leader:
                words = f"loss {step.loss:.4f}" + (f"  validation {valid:.4f}" if valid else "")
                shown.show(done, job.batch_size * job.config.block_size, words)
            if due and leader:
                with interrupt.waiting():
                    files.save_log(entries, shown)
            if stop:
                break
    return entries


def validation(job, most):
    """Yield the batches of the validation text, at most so many, all of them for None."""
    for i, batch in enumerate(corpus.windows(job.valid_ids, block_size=job.config.block_size,
                                           batch_size=job.batch_size)):
        if i == most:
            return
        yield batch


class Files:
    """The folder of a run: checkpoint.npz, log.csv, loss.svg."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.paths = self.checkpoint, self.curve, self.picture = [
            self.folder / name for name in ("checkpoint.npz", "log.csv", "loss.svg")]
        self.unsaved = {}  # path: why it could not be written the last time

    def prepare(self):
        """Make the folder; raises ValueError where it, or a file in it, can't be written."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder) as probe:
                probe.write(b"0")  # a full disk makes files, but writes none
        except OSError as error:
            raise ValueError(f"out is {self.folder}, which can't be written ({error.strerror}); "
                             "allowed: a folder with room, or where one can be made") from None
        for path in *self.paths, checkpoint.previous(self.checkpoint):
            if path.is_dir():
                raise ValueError(f"out is {self.folder}, where {path.name} is a folder; "
                                 "allowed: a folder where it is a file or is not there")

    def log(self):
        return progress.read_log(self.curve)

    def save(self, job, params, state, generators, entries, side, shown):
        """Save the run as it stands; say what can't be written, and let training go on."""
        run = {"batch_size": job.batch_size, "seed": job.seed, "dtype": job.dtype, "with": side,
               "text": job.source, "digest": digest(job), "threads": job.threads}
        saved = Checkpoint(job.config, job.schedule, params, state, generators,
                           job.tokenizer.to_dict(), run)
        self.write(checkpoint.save, self.checkpoint, saved, shown)
        self.save_log(entries, shown)

    def save_log(self, entries, shown):
        """Save the log and its picture alone."""
        self.write(progress.write_log, self.curve, entries, shown)
        self.write(progress.write_svg, self.picture, entries, shown)

    def write(self, writer, path, content, shown):
        """Write one file, or note why it can't be."""
        self.unsaved.pop(path, None)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            writer(path, content)
        except OSError as error:
            cause = error.__cause__ or error  # of NotSaved, what the system said
            self.unsaved[path] = cause.strerror or cause
            shown.note(f"{path} is not saved ({self.unsaved[path]}); training goes on")


def digest(job):
    """Return what tells one text from another: a resumed run must read the one it began with."""
    ids = np.concatenate([job.train_ids, job.valid_ids])
    return hashlib.sha256(ids.tobytes()).hexdigest()
