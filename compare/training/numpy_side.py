"""The NumPy model in training: in processes, updated in place, its memory kept."""

from functools import partial

import reference.train
from reference.fast import memory, parallel
from reference.fast.fused_adamw import FusedAdamW


class NumpySide:
    """The NumPy model in training."""

    name = "numpy"

    def __init__(self, job):
        self.job = job
        memory.keep()
        self.optimizer = FusedAdamW(*job.initial(), threads=job.threads)
        self.params, self.state = self.optimizer.params, self.optimizer.state

    def steps(self, batches):
        """Yield a Step after each update."""
        job = self.job
        for step in reference.train.train(
                self.params, batches, config=job.config, schedule=job.schedule,
                loss_and_grad=partial(parallel.loss_and_grad, threads=job.threads),
                state=self.state, optimizer=self.optimizer, accumulate=job.accumulate):
            self.params, self.state = step.params, step.state
            yield step

    def evaluate(self, batches):
        """Return the mean loss over batches (tokens, targets)."""
        return reference.train.evaluate(self.params, batches, config=self.job.config,
                                        loss=partial(parallel.loss, threads=self.job.threads))

    def snapshot(self):
        """Return (params, state) as NumPy arrays."""
        return self.params, self.state

    def asked(self, number):
        """Return the signal that asks to stop: there is no other process to ask."""
        return number
