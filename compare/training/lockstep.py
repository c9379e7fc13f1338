"""Both GPTs trained in lockstep: the same initial values, the same batches, the same masks."""

import itertools
import random
from typing import NamedTuple

import numpy as np
import torch

import reference.generate
import reference.train
import torch_impl.generate
import torch_impl.train
from reference.tools import tree

from ..layers import weights
from ..layers.models import model_of, torch_model
from ..progress import Progress
from ..text import corpus
from ..text.ngram import ngram_losses
from .job import Batches


class Pair(NamedTuple):
    """One step of both sides."""

    ours: reference.train.Step
    theirs: torch_impl.train.Step

    @property
    def difference(self):
        """How far the two losses are apart."""
        return abs(self.ours.loss - self.theirs.loss)


def as_torch(batches):
    """Yield the same batches as tensors."""
    for tokens, targets, keep in batches:
        yield (torch.from_numpy(tokens), torch.from_numpy(targets),
               keep and weights.to_torch(keep))


def build(job):
    """Return the parameters that the seed draws, and a torch model that holds the same values."""
    params, _ = job.initial()
    return params, torch_model(job.config, params)


def steps(job, params, model):
    """Yield a Pair after each step of both sides; the model is changed."""
    left, right = itertools.tee(Batches(job))
    ours = reference.train.train(
        params, left, config=job.config, schedule=job.schedule,
        loss_and_grad=model_of(job.config).numpy.loss_and_grad, accumulate=job.accumulate)
    theirs = torch_impl.train.train(
        model.train(), as_torch(right), schedule=job.schedule, accumulate=job.accumulate)
    yield from map(Pair, ours, theirs)


def parameter_difference(params, model):
    """Return the largest difference between two parameters of one name."""
    theirs = {name: p.detach().numpy() for name, p in model.named_parameters()}
    return max(float(np.abs(a - theirs[name]).max()) for name, a in tree.walk(params))


def report(job):
    """Train both sides, print the progress and what came of it."""
    params, model = build(job)
    progress, largest = Progress(job.schedule.steps, lines=10), 0.0
    for pair in steps(job, params, model):
        largest = max(largest, pair.difference)
        progress.show(pair.ours.index + 1, job.tokens,
                      f"loss: NumPy {pair.ours.loss:.6f}   torch {pair.theirs.loss:.6f}   "
                      f"apart {pair.difference:.0e}")
    params = pair.ours.params
    ours, theirs, bigram, ngrams = validation_losses(job, params, model)
    best = min(ngrams)
    print(f"validation loss       NumPy {ours:.4f}   torch {theirs:.4f}   "
          f"bigram table {bigram:.4f}   n-gram {best:.4f}, n = {ngrams.index(best) + 1}")
    print(f"largest difference    in the loss of a step {largest:.1e}   "
          f"in a parameter at the end {parameter_difference(params, model):.1e}")
    print_samples(job, params, model)


def validation_losses(job, params, model):
    """Return the losses of both sides, of a table of pairs and of n-grams, on the same text."""
    size = job.config.block_size
    valid = list(corpus.windows(job.valid_ids[: 200 * size + 1], block_size=size, batch_size=50))
    ours = reference.train.evaluate(params, valid, config=job.config,
                                    loss=model_of(job.config).numpy.loss)
    theirs = torch_impl.train.evaluate(
        model, [tuple(map(torch.from_numpy, pair)) for pair in valid])
    part = np.concatenate([valid[0][0].flat[:1]] + [targets.ravel() for _, targets in valid])
    counted = job.train_ids, part, job.config.vocab_size
    return ours, theirs, corpus.bigram_loss(*counted), ngram_losses(*counted)


def print_samples(job, params, model, count=200):
    """Print what each side writes after the start of the validation text, from one seed."""
    prompt = job.valid_ids[: job.config.block_size]
    ours = list(reference.generate.generate(
        prompt, params, config=job.config, count=count, rng=random.Random(job.seed),
        **model_of(job.config).writer()))
    theirs = list(torch_impl.generate.generate(
        torch.from_numpy(prompt), model, count=count, rng=random.Random(job.seed),
        **model_of(job.config).torch_writer()))
    for name, ids in ("NumPy", ours), ("torch", theirs):
        print(f"--- {name} writes:\n{job.tokenizer.decode(ids)}")
    print(f"--- the two texts are {'the same' if ours == theirs else 'different'}")
