"""Training with one implementation: progress, log, loss curve, checkpoints, stop and resume.

This file needs no torch; the torch side is in torch_side.py.
"""

import contextlib
import math

import numpy as np

from reference.tools import tree

from ..files.packing import Log
from ..progress import Progress
from . import log, stats
from .interrupt import Interrupt
from .job import Batches, validation

SAMPLE = 20  # batches of validation text that each takes; the last takes all of it


class Run:
    """A run on its way: what is trained, what it has noted, and where it stands.

    Of several processes only the leader shows and saves.
    """

    def __init__(self, job, side, folder, leader=True):
        self.job, self.side, self.folder, self.leader = job, side, folder, leader
        self.steps, self.done, self.saved = job.schedule.steps, job.done, job.start is not None
        self.log = job.start.log if job.start else Log()
        self.batches, self.interrupt = Batches(job), Interrupt(leader)
        self.shown, self.before = Progress(self.steps, self.done), None

    @property
    def whole(self):
        """Whether all is done: the last step, and the validation after it."""
        return self.done == self.steps and not log.is_owed(self.log, self.done, self.steps)

    def train(self):
        """Train to the end, or until asked to stop; return this run."""
        with self.interrupt, self.naming_divergence():
            if log.is_owed(self.log, self.done, self.steps):
                self.measure()
                self.save()
            self.look_ahead()
            for step in self.side.steps(self.batches):
                if self.take(step):
                    break
        return self

    def take(self, step):
        """Note a step, measure, save and show what is due, and return whether to stop."""
        self.done = step.index + 1
        self.interrupt.asked = stop = self.side.asked(self.interrupt.asked)
        self.log = log.noted(self.log, step.loss)
        due, words = log.is_due(self.done, self.steps), f"loss {step.loss:.4f}"
        if log.is_entered(self.done, self.steps):
            self.log = log.entered(self.log, step)
        if self.before is not None:
            self.note_inside()
        if due and not stop:
            words += f"  validation {self.measure():.4f}"
        if due or stop:
            self.save()
        if self.leader:
            with self.interrupt.reading():
                self.shown.show(self.done, self.job.tokens, words)
        self.look_ahead()
        return bool(stop)

    def look_ahead(self):
        """Keep the parameters before an update whose stats are to be noted."""
        due = self.job.stats and self.leader and log.is_entered(self.done + 1, self.steps)
        self.before = self.side.parameters() if due else None

    def note_inside(self):
        """Note what the last update did inside, and what went through the layers."""
        inside = self.side.inside(self.before, *self.batches.last)
        found = stats.of_update(self.done, inside, self.before, self.side.parameters())
        self.log = self.log._replace(stats=self.log.stats + found)

    def measure(self):
        """Return the validation loss, and note it at the last entry."""
        try:
            valid = self.side.evaluate(validation(
                self.job, None if self.done == self.steps else SAMPLE))
        except KeyboardInterrupt:
            self.save()
            raise
        if not math.isfinite(valid):
            raise FloatingPointError(f"the validation loss is {valid}")
        self.log = log.measured(self.log, valid)
        return valid

    def save(self):
        """Save the run as it stands."""
        if not self.leader:
            return
        params, state = self.side.snapshot()
        if not all(np.isfinite(a).all() for a in tree.leaves((params, *state[1:]))):
            raise FloatingPointError("a parameter or a mean of AdamW's is not finite")
        with self.interrupt.waiting():
            self.folder.save(self.job, params, state, self.batches.states(), self.log,
                             self.side.name, self.say)
        self.saved = self.folder.checkpoint not in self.folder.unsaved

    def say(self, line):
        """Write a line that stays."""
        with self.interrupt.reading():
            self.shown.note(line)

    @contextlib.contextmanager
    def naming_divergence(self):
        """Say at which step numbers ceased to be finite, what to do, and what is kept."""
        try:
            yield
        except FloatingPointError as error:
            cause = str(error).partition("; allowed")[0].rpartition("before its update: ")[2]
            kept = f"{self.folder.checkpoint} holds an earlier step" if self.saved else \
                "nothing is saved"
            raise FloatingPointError(
                f"training diverged at step {min(self.done + 1, self.steps)} of {self.steps} "
                f"({cause}); allowed: a lower --lr, now {self.job.schedule.lr:g}; {kept}"
            ) from error
