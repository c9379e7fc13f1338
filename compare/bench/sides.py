"""One side of the bench in a process of its own: it does what a line of its input asks for.

python -m compare.bench.sides SIDE SIZE, with SIDE numpy, torch or compiled, and SIZE as JSON. Each
answer is a line of JSON: to "step SECONDS" the median seconds of a forward, a backward, an update
and a whole step, to "products SECONDS" those of the bare matrix products in a step's linear layers,
to "sample COUNT" tokens a second, to "peak" the most bytes that were held.
"""

import json
import random
import sys
import time
from types import SimpleNamespace

import numpy as np

from reference import generate
from reference.fast import fused_adamw, memory, parallel, workers
from reference.train import Schedule

from ..layers.models import config_from_letters, model_of
from ..layers.params import shapes

SCHEDULE = Schedule()


class NumpyStep:
    """The step of train --with numpy: threads, updates in place, memory kept."""

    def __init__(self, n):
        memory.keep()
        self.n, self.config, rng = n, config_from_letters(vars(n)), np.random.default_rng(0)
        self.of = model_of(self.config)
        self.tokens, self.targets = rng.integers(0, n.V, (2, n.B, n.T))
        self.adamw = fused_adamw.FusedAdamW(self.of.numpy.init(self.config, rng),
                                            threads=n.threads)
        self.array = np.asarray

    def batch(self):
        return dict(tokens=self.tokens, targets=self.targets, p=self.adamw.params,
                    config=self.config, model=self.of.numpy, threads=self.n.threads)

    def forward(self):
        parallel.loss(**self.batch())

    def gradient(self):
        self.loss, self.grads = parallel.loss_and_grad(**self.batch())

    def sampled(self, count, cached):
        return generate.generate(self.tokens[0, :1], self.adamw.params, config=self.config,
                                 count=count, rng=random.Random(0), cached=cached,
                                 **self.of.writer())

    def update(self):
        clipped, _ = self.adamw.clip(self.grads, SCHEDULE.clip)
        self.adamw.update(self.adamw.params, clipped, self.adamw.state, lr=1e-4)
        del self.grads


class TorchStep:
    """The step of train --with torch."""

    def __init__(self, n, compiled=False):
        import torch

        import torch_impl.adamw
        import torch_impl.train
        from torch_impl.cross_entropy import CrossEntropy
        torch.set_num_threads(n.threads)
        torch.manual_seed(0)
        self.n, self.config = n, config_from_letters(vars(n))
        self.of = model_of(self.config)
        self.model = self.of.torch(**vars(self.config))
        self.runs = torch.compile(self.model) if compiled else self.model
        self.optimizer = torch_impl.train.optimizer_of(self.model, SCHEDULE)
        self.tokens, self.targets = torch.randint(n.V, (2, n.B, n.T))
        self.loss_of, self.clip = CrossEntropy(), torch_impl.adamw.clip
        self.array = torch.from_numpy

    def forward(self):
        return self.loss_of(self.runs(self.tokens), self.targets)

    def gradient(self):
        self.optimizer.zero_grad()
        self.forward().backward()

    def sampled(self, count, cached):
        from torch_impl import generate
        return generate.generate(self.tokens[0, :1], self.model, count=count,
                                 rng=random.Random(0), cached=cached, **self.of.torch_writer())

    def update(self):
        self.clip(self.model, SCHEDULE.clip).item()
        self.optimizer.step()


def time_parts(side, seconds):
    """Return the median seconds of each part, and of the whole step, in about so many seconds."""
    taken = {"forward": [], "gradient": [], "update": [], "step": []}
    end = time.perf_counter() + seconds
    while len(taken["step"]) < 2 or time.perf_counter() < end:
        marks = [time.perf_counter()]
        for part in side.gradient, side.update, side.forward:
            part()
            marks.append(time.perf_counter())
        for name, start, stop in (
                ("gradient", 0, 1), ("update", 1, 2), ("step", 0, 2), ("forward", 2, 3)):
            taken[name].append(marks[stop] - marks[start])
    found = {name: float(np.median(times)) for name, times in taken.items()}
    found["backward"] = found.pop("gradient") - found["forward"]
    return found


def products(side, seconds):
    """Return the median seconds of the bare products x W^T, dy W and dy^T x of a step's layers."""
    n, N = side.n, side.n.B * side.n.T
    weights = [shape for name, shape in shapes(side.config)
               if name.startswith("blocks") and len(shape) == 2]
    layers = [[side.array(np.ones(shape, np.float32)) for shape in [(N, I), (O, I), (N, O)]]
              for O, I in [*weights, (n.V, n.C)]]
    taken, end = [], time.perf_counter() + seconds
    while len(taken) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        for x, weight, dy in layers:
            x @ weight.T, dy @ weight, dy.T @ x
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def peak_memory():
    """Return the most bytes that this process and its workers have held, None if that is unknown.

    What they share is counted once.
    """
    held = workers.at_once(memory.peak, [((), {})] * (1 + len(workers.STAFF)))
    return None if None in held else sum(held) - workers.shared()


def sampling_speed(side, count):
    """Return tokens a second, with keys and values cached and without."""
    found = {}
    for name, cached in ("cached", True), ("uncached", False):
        list(side.sampled(8, cached))  # warm-up
        start = time.perf_counter()
        list(side.sampled(count, cached))
        found[name] = count / (time.perf_counter() - start)
    return found


def main(name, size):
    """Answer each line of the input."""
    n = SimpleNamespace(**json.loads(size))
    side = NumpyStep(n) if name == "numpy" else TorchStep(n, name == "compiled")
    time_parts(side, 0)  # warm-up: compiles, faults memory in, starts threads
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        verb, *numbers = line.split()
        answers = {"step": lambda seconds: time_parts(side, float(seconds)),
                   "products": lambda seconds: products(side, float(seconds)),
                   "sample": lambda count: sampling_speed(side, int(count)), "peak": peak_memory}
        answer = answers[verb](*numbers)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
