"""The torch model in training: on a CPU or a GPU, in one process or in many."""

import contextlib
import os

import numpy as np
import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

import torch_impl.train
from torch_impl.cross_entropy import CrossEntropy

from ..layers import weights
from ..layers.models import torch_model
from ..layers.streams import seeds_of


class TorchSide:
    """The torch model in training; each of several processes holds one."""

    name = "torch"

    def __init__(self, job, device="cpu", autocast=False, compiled=False):
        self.job, self.device = job, torch.device(device)
        params, state = job.initial()
        self.model = torch_model(job.config, params).to(self.device)
        self.optimizer = torch_impl.train.optimizer_of(self.model, job.schedule)
        if state:
            weights.set_state(self.optimizer, self.model, state)
        self.runs = torch.compile(self.model) if compiled else self.model
        if autocast:
            self.runs = Autocast(self.runs, self.device.type)
        if processes() > 1:
            self.runs = DistributedDataParallel(self.runs)

    def steps(self, batches):
        """Yield a Step after each update; its loss is the mean over all processes."""
        self.model.train()
        with refusing_to_compile():
            for step in torch_impl.train.train(
                    self.runs, self.own(batches), schedule=self.job.schedule,
                    optimizer=self.optimizer, start=self.job.done, accumulate=self.job.accumulate):
                yield step._replace(loss=self.over_processes(step.loss, distributed.ReduceOp.SUM)
                                    / processes())

    def own(self, batches):
        """Yield this process's share of each batch as tensors on the device."""
        share = slice(rank(), None, processes())
        first = self.job.done * self.job.accumulate
        for index, (tokens, targets, keep) in enumerate(batches, first):
            # so that a batch draws the same dropout masks however often the run was interrupted
            torch.manual_seed(mask_seed(self.job.seed, index, rank()))
            yield (torch.from_numpy(tokens[share]).to(self.device),
                   torch.from_numpy(targets[share]).to(self.device), None)

    def evaluate(self, batches):
        """Return the mean loss over batches (tokens, targets)."""
        tensors = ((torch.from_numpy(tokens).to(self.device),
                    torch.from_numpy(targets).to(self.device)) for tokens, targets in batches)
        return torch_impl.train.evaluate(self.model, tensors)

    def snapshot(self):
        """Return (params, state) as NumPy arrays."""
        return self.parameters(), weights.state_of(self.optimizer, self.model, self.job.config)

    def parameters(self):
        """Return a copy of the parameters as NumPy arrays."""
        return weights.params_of(self.model, self.job.config)

    def inside(self, params, tokens, targets):
        """Return (deviation of the output, of its gradient) of each layer on a batch."""
        model = torch_model(self.job.config, params).eval()
        outputs = []
        for layer in model.embedding, *model.blocks, model.norm:
            layer.register_forward_hook(lambda module, given, y: outputs.append(y))
        loss = CrossEntropy()(model(torch.from_numpy(tokens)), torch.from_numpy(targets))
        gradients = torch.autograd.grad(loss, outputs)
        return [(y.std(correction=0).item(), dy.std(correction=0).item())
                for y, dy in zip(outputs, gradients)]

    def asked(self, number):
        """Return the signal that asks any of the processes to stop, 0 for none."""
        return int(self.over_processes(float(number), distributed.ReduceOp.MAX))

    def over_processes(self, number, operation):
        """Return the sum or the largest of a number over all processes."""
        if processes() == 1:
            return number
        shared = torch.tensor(number, device=self.device, dtype=torch.float64)
        distributed.all_reduce(shared, operation)
        return shared.item()


def mask_seed(seed, index, rank):
    """Return a seed from 0 to 2**64 - 1 for the masks of a step in a process, of any seed from 0.

    On a CPU torch takes its lower 32 bits alone; of one run these differ over 2**22 steps in 2**10
    processes.
    """
    start, = seeds_of(seed, "torch masks").generate_state(1, np.uint64).tolist()
    return (start + index * 2**10 + rank) % 2**64


class Autocast(nn.Module):
    """A model whose products run in bfloat16; its logits come out in float32."""

    def __init__(self, model, device):
        super().__init__()
        self.model, self.device = model, device

    def forward(self, tokens, keep=None):
        with torch.autocast(self.device, torch.bfloat16):
            return self.model(tokens, keep).float()


@contextlib.contextmanager
def refusing_to_compile():
    """Say in a ValueError why torch.compile can't compile, as without a compiler."""
    try:
        yield
    except RuntimeError as error:
        if not type(error).__module__.startswith(("torch._dynamo.", "torch._inductor.")):
            raise
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(f"compile is given, but torch can't compile here ({reason}); allowed: "
                         "where a C++ compiler is, or without --compile") from None


def rank():
    return distributed.get_rank() if distributed.is_initialized() else 0


def processes():
    return distributed.get_world_size() if distributed.is_initialized() else 1


@contextlib.contextmanager
def process_group(device, batch_size):
    """Join the processes that torchrun started, if it did; yields the device of this one.

    Raises ValueError for a device that is not there, or a batch that does not split evenly.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device is cuda, which torch does not find here; allowed: cpu")
    count = int(os.environ.get("WORLD_SIZE", 1))
    if batch_size % count:
        raise ValueError(f"batch_size is {batch_size}; allowed: a multiple of the {count} "
                         "processes")
    if count == 1:
        yield device
        return
    if device == "cuda":
        device = f"cuda:{os.environ.get('LOCAL_RANK', 0)}"
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield device
    finally:
        distributed.destroy_process_group()
