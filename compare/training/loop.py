"""Training with one implementation: progress, log, loss curve, checkpoints, stop and resume.

This file needs no torch; the torch side is in torch_side.py.
"""

import contextlib
import os
import signal

import numpy as np

from .job import Batches, validation
from .log import Entry
from .progress import Progress

EVALUATIONS = 10   # of the validation loss in a run, and as many checkpoints
STOPPING = ("stopping after this step; a second Ctrl-C stops at once, and loses what came after the "
            "last checkpoint")
SAMPLE = 20        # batches of validation text that each takes; the last takes all of it


def run(job, side, folder, leader=True):
    """Train to the end or to Ctrl-C, and return the log; only the leader shows and saves."""
    if leader:
        folder.prepare()
    entries = [entry for entry in folder.log() if entry.step <= job.done]
    batches, steps = Batches(job), job.schedule.steps
    shown = Progress(steps, job.done)
    every, losses, valid = max(1, steps // EVALUATIONS), [], None
    with Interrupt(leader) as interrupt:
        for step in side.steps(batches):
            done, stop = step.index + 1, side.should_stop(interrupt.asked)
            losses.append(step.loss)
            due = done % every == 0 or done == steps or stop
            if due or done % max(1, steps // 100) == 0:
                entries.append(Entry(done, float(np.mean(losses)), None, step.lr, float(step.norm)))
                losses = []
            if due and leader:  # before the validation, so that it may be broken off
                with interrupt.waiting():
                    folder.save(job, *side.snapshot(), batches.states(), entries, side.name, shown)
            if due and not stop:
                valid = side.evaluate(validation(job, None if done == steps else SAMPLE))
                entries[-1] = entries[-1]._replace(valid=valid)
            if leader:
                words = f"loss {step.loss:.4f}" + (f"  validation {valid:.4f}" if valid else "")
                shown.show(done, job.batch_size * job.config.block_size, words)
            if due and leader:
                with interrupt.waiting():
                    folder.save_log(entries, shown)
            if stop:
                break
    return entries


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
                os.write(2, f"\n{STOPPING}\n".encode())
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
