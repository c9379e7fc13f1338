"""Sampling from a trained model, or from GPT-2's weights, with either implementation."""

import dataclasses
import random
import sys
import time

from reference.fast import blas

from ..files import checkpoint
from ..text import gpt2_files, kinds
from .folder import RunFolder


def sample(given):
    """Write samples to the console as their tokens come."""
    if given.seed < 0:
        raise ValueError(f"seed is {given.seed}; allowed: an integer from 0 up")
    if given.prompt == "":
        raise ValueError("prompt is empty; allowed: at least one character of the training text")
    config, params, tokenizer = trained(given)
    opening = first_prompt(tokenizer) if given.prompt is None else given.prompt
    prompt, rng = tokenizer.encode(opening, specials=True), random.Random(given.seed)
    settings = dict(count=given.count, rng=rng, temperature=given.temperature, top_k=given.top_k,
                    top_p=given.top_p, cached=not given.uncached)
    spent = 0.0
    for i in range(given.samples):
        if given.samples > 1:
            print(f"--- sample {i + 1}")
        sys.stdout.write(opening)
        ids, began = ids_of(given.side, prompt, config, params, settings), time.perf_counter()
        with blas.threads(1):  # a row at a time: a second thread only waits
            for piece in tokenizer.stream(ids):
                sys.stdout.write(piece)
                sys.stdout.flush()
        spent += time.perf_counter() - began
        print()
    if given.time:
        print(f"--- {given.samples * given.count / spent:,.0f} tokens/s", file=sys.stderr)
    return 0


def first_prompt(tokenizer):
    """Return a new line, or where the tokenizer has none, its first token."""
    try:
        tokenizer.encode("\n")
        return "\n"
    except ValueError:
        return tokenizer.decode([0])


def trained(given):
    """Return (config, params, tokenizer) of a training or of GPT-2's weights."""
    if given.weights:
        from ..files import gpt2, weight_files
        config, params = gpt2.from_gpt2(weight_files.read_weights(given.weights), n_head=given.n_head)
        tokenizer = gpt2_files.load_gpt2(given.gpt2_files)
        if config.vocab_size < tokenizer.vocab_size:
            raise ValueError(f"weights is {given.weights}, a model of {config.vocab_size} tokens; "
                             f"allowed: at least the {tokenizer.vocab_size} of {given.gpt2_files}")
        return *without_spare_tokens(config, params, tokenizer.vocab_size), tokenizer
    saved = checkpoint.load(checkpoint.latest(RunFolder(given.out).checkpoint))
    tokenizer = kinds.from_dict(saved.tokenizer)
    return *without_spare_tokens(saved.config, saved.params, tokenizer.vocab_size), tokenizer


def without_spare_tokens(config, params, count):
    """Return the model without the rows of the table that no token has."""
    table = params.embedding.token._replace(weight=params.embedding.token.weight[:count])
    return (dataclasses.replace(config, vocab_size=count),
            params._replace(embedding=params.embedding._replace(token=table)))


def ids_of(side, prompt, config, params, settings):
    """Return an iterator over the sampled ids, from the implementation asked for."""
    if side == "numpy":
        from reference import generate
        return generate.generate(prompt, params, config=config, **settings)
    import torch

    import torch_impl.generate
    import torch_impl.gpt

    from ..layers import weights
    torch.set_num_threads(1)  # a row at a time: a second thread only waits
    model = weights.load_into(torch_impl.gpt.GPT(**vars(config)), params)
    return torch_impl.generate.generate(torch.from_numpy(prompt), model, **settings)
