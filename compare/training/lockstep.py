"""Both GPTs trained in lockstep: the same initial values, the same batches, the same masks."""

import itertools
import random
import sys
import time
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch

import reference.generate
import reference.train
import torch_impl.generate
import torch_impl.gpt
import torch_impl.train
from reference import gpt
from reference.tools import tree
from reference.train import Schedule

from ..layers import weights
from ..text import corpus


@dataclass(frozen=True)
class Run:
    """Everything that a run in lockstep depends on."""

    config: gpt.Config
    schedule: Schedule = field(default_factory=Schedule)
    batch_size: int = 16
    seed: int = 0
    dtype: str = "float64"


class Pair(NamedTuple):
    """One step of both sides."""

    ours: reference.train.Step
    theirs: torch_impl.train.Step

    @property
    def difference(self):
        """How far the two losses are apart."""
        return abs(self.ours.loss - self.theirs.loss)


def masked(batches, config, seed):
    """Yield (tokens, targets, keep), the dropout masks drawn from the seed."""
    rng = np.random.default_rng([seed, 4])
    for tokens, targets in batches:
        yield tokens, targets, gpt.draw_keep(rng, *tokens.shape, config)


def as_torch(batches):
    """Yield the same batches as tensors."""
    for tokens, targets, keep in batches:
        yield (torch.from_numpy(tokens), torch.from_numpy(targets),
               keep and weights.to_torch(keep))


def build(run):
    """Return the parameters that the seed draws, and a torch model that holds the same values."""
    params = gpt.init(run.config, np.random.default_rng([run.seed, 5]), np.dtype(run.dtype))
    return params, weights.load(torch_impl.gpt.GPT(**vars(run.config)), params)


def train(run, ids, params, model):
    """Yield a Pair after each step of both sides on the training ids; the model is changed."""
    draws = corpus.batches(ids, block_size=run.config.block_size, batch_size=run.batch_size,
                         rng=np.random.default_rng([run.seed, 6]))
    left, right = itertools.tee(masked(draws, run.config, run.seed))
    model.train()
    yield from map(Pair, reference.train.train(
        params, left, config=run.config, schedule=run.schedule,
        loss_and_grad=gpt.loss_and_grad), torch_impl.train.train(
        model, as_torch(right), schedule=run.schedule))


def parameter_difference(params, model):
    """Return the largest difference between two parameters of one name."""
    theirs = {name: p.detach().numpy() for name, p in model.named_parameters()}
    return max(float(np.abs(a - theirs[name]).max()) for name, a in tree.walk(params))


def report(run, text, tokenizer):
    """Train both sides on the text, print the progress and what came of it."""
    train_ids, valid_ids = corpus.split(tokenizer.encode(text), run.config.block_size)
    params, model = build(run)
    print(f"{gpt.parameter_count(params):,} parameters, {len(text):,} characters, "
          f"{tokenizer.vocab_size} different tokens, {run.dtype}, seed {run.seed}")
    progress, largest = Progress(run.schedule.steps), 0.0
    for pair in train(run, train_ids, params, model):
        largest = max(largest, pair.difference)
        progress.line(pair)
    params = pair.ours.params
    valid = list(corpus.windows(valid_ids[: 200 * run.config.block_size + 1],
                              block_size=run.config.block_size, batch_size=50))
    as_tensors = [tuple(map(torch.from_numpy, pair)) for pair in valid]
    ours = reference.train.evaluate(params, valid, config=run.config, loss=gpt.loss)
    theirs = torch_impl.train.evaluate(model, as_tensors)
    part = np.concatenate([valid[0][0].flat[:1]] + [targets.ravel() for _, targets in valid])
    bigram = corpus.bigram_loss(train_ids, part, run.config.vocab_size)
    print(f"validation loss       NumPy {ours:.4f}   torch {theirs:.4f}   bigram table {bigram:.4f}")
    print(f"largest difference    in the loss of a step {largest:.1e}   "
          f"in a parameter at the end {parameter_difference(params, model):.1e}")
    print_samples(run, tokenizer, params, model, valid_ids)


def print_samples(run, tokenizer, params, model, prompt, count=200):
    """Print what each side writes after the start of the validation text, from one seed."""
    prompt = prompt[: run.config.block_size]
    ours = list(reference.generate.generate(
        prompt, params, config=run.config, count=count, rng=random.Random(run.seed)))
    theirs = list(torch_impl.generate.generate(
        torch.from_numpy(prompt), model, count=count, rng=random.Random(run.seed)))
    for name, ids in ("NumPy", ours), ("torch", theirs):
        print(f"--- {name} writes:\n{tokenizer.decode(ids)}")
    print(f"--- the two texts are {'the same' if ours == theirs else 'different'}")


class Progress:
    """One line that is written over on a terminal, ten plain lines elsewhere."""

    def __init__(self, steps):
        self.steps, self.start = steps, None

    def line(self, pair):
        """Print where the run stands after this pair."""
        done, terminal = pair.ours.index + 1, sys.stdout.isatty()
        self.start = self.start or time.perf_counter()  # the first step warms up and is not timed
        if not (terminal or done in (1, self.steps) or done % max(1, self.steps // 10) == 0):
            return
        words = (f"step {done:>5} of {self.steps}   loss: NumPy {pair.ours.loss:.6f}   "
                 f"torch {pair.theirs.loss:.6f}   apart {pair.difference:.0e}")
        if 1 < done < self.steps:
            left = (time.perf_counter() - self.start) / (done - 1) * (self.steps - done)
            words += f"   {left:.0f} s left"
        end = "\n" if done == self.steps or not terminal else ""
        print(("\r" if terminal else "") + words.ljust(79 if terminal else 0), end=end, flush=True)
