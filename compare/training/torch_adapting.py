"""Adapters in training beside a frozen llama, in torch."""

import torch

import torch_impl.train
from reference import adamw
from reference.tools import tree
from torch_impl.labs import adaptation

from ..layers.models import torch_model


class TorchAdapting:
    """A frozen torch model with adapters in training."""

    name = "torch"

    def __init__(self, job, frozen, scale):
        torch.set_num_threads(job.threads)
        rank = tree.leaves(job.weights)[0].shape[0]
        self.job, self.done = job, 0
        self.model = adaptation.adapt(torch_model(job.config, frozen), rank=rank, scale=scale)
        named = dict(self.model.named_parameters())
        self.learned = {name: named[name] for name, _ in tree.walk(job.weights)}
        with torch.no_grad():
            for name, a in tree.walk(job.weights):
                self.learned[name].copy_(torch.from_numpy(a))

    def steps(self, batches):
        """Yield a Step after each update."""
        for step in torch_impl.train.train(
                self.model, map(tensors_of, batches), schedule=self.job.schedule,
                accumulate=self.job.accumulate):
            self.done = step.index + 1
            yield step

    def evaluate(self, batches):
        """Return the mean loss over batches (tokens, targets)."""
        return torch_impl.train.evaluate(self.model, map(tensors_of, batches))

    def snapshot(self):
        """Return the adapters as NumPy arrays, and a state that tells how many updates they had."""
        values = {name: p.detach().numpy().copy() for name, p in self.learned.items()}
        return tree.unwalk(self.job.weights, values), adamw.State(self.done, (), ())

    def asked(self, number):
        """Return the signal that asks to stop: there is no other process to ask."""
        return number


def tensors_of(batch):
    """Return a batch of (tokens, targets), and a None behind them if there is one, as tensors."""
    return tuple(a if a is None else torch.from_numpy(a) for a in batch)
