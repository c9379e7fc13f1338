"""The NumPy model in training: in processes, updated in place, its memory kept."""

from functools import partial

import numpy as np

import reference.train
from reference.fast import memory, parallel
from reference.fast.fused_adamw import FusedAdamW
from reference.tools import tree

from ..layers.models import model_of
from .stats import numpy_inside


class NumpySide:
    """The NumPy model in training."""

    name = "numpy"

    def __init__(self, job):
        self.job, model = job, model_of(job.config).numpy
        self.loss = partial(parallel.loss, model=model, threads=job.threads)
        self.loss_and_grad = partial(parallel.loss_and_grad, model=model, threads=job.threads)
        memory.keep()
        self.optimizer = FusedAdamW(*job.initial(), threads=job.threads)
        self.params, self.state = self.optimizer.params, self.optimizer.state

    def steps(self, batches):
        """Yield a Step after each update."""
        job = self.job
        for step in reference.train.train(
                self.params, batches, config=job.config, schedule=job.schedule,
                loss_and_grad=self.loss_and_grad, state=self.state, optimizer=self.optimizer,
                accumulate=job.accumulate):
            self.params, self.state = step.params, step.state
            yield step

    def evaluate(self, batches):
        """Return the mean loss over batches (tokens, targets)."""
        return reference.train.evaluate(self.params, batches, config=self.job.config,
                                        loss=self.loss)

    def snapshot(self):
        """Return (params, state) as NumPy arrays."""
        return self.params, self.state

    def parameters(self):
        """Return a copy of the parameters."""
        return tree.map(np.copy, self.params)

    def inside(self, params, tokens, targets):
        """Return (deviation of the output, of its gradient) of each layer on a batch."""
        return numpy_inside(params, tokens, targets, self.job.config)

    def asked(self, number):
        """Return the signal that asks to stop: there is no other process to ask."""
        return number
