"""Sampling from a trained model, or from GPT-2's weights, with either implementation."""

import random
import sys
import time

import numpy as np

from reference.fast import adapted_llama, blas
from reference.labs import adaptation

from ..files import adapter
from ..layers.models import model_of, torch_model
from ..text.tokenizers import END
from . import trained

CHAT = "<|im_start|>", "<|im_end|>"  # the specials around a turn of a chat, as ChatML has them
ORIGINS = {  # an option: where the model must come from, and that in words
    "weights": ("weights", "without --model"), "gpt2_files": ("weights", "with --weights"),
    "n_head": ("weights", "with --weights"), "out": ("out", "without --weights and --model"),
    "adapter": ("model", "with --model"), "last": ("out", "without --weights and --model")}


def sample(given):
    """Write samples to the console as their tokens come."""
    check_sampling(given)
    config, params, tokenizer = trained.without_spare_tokens(model_asked_for(given))
    opening, prompt = prompt_of(given, tokenizer)
    needed = min(config.block_size, len(prompt) + given.count)  # keys and values take memory
    config, params = trained.cut(config, params, block_size=needed)
    rng = random.Random(given.seed)
    settings = dict(count=given.count, rng=rng, temperature=given.temperature, top_k=given.top_k,
                    top_p=given.top_p, cached=not given.uncached)
    spent, made = 0.0, []
    for i in range(given.samples):
        # refuses before a word is written
        ids = ids_of(given.side, prompt, config, params, settings)
        if given.samples > 1:
            print(f"--- sample {i + 1}")
        sys.stdout.write(opening)
        pieces = tokenizer.stream(up_to_end(ids, tokenizer.specials.get(tokenizer.end), made))
        began = time.perf_counter()
        with blas.threads(1):  # a row at a time: a second thread only waits
            for piece in before_stop(pieces, given.stop) if given.stop else pieces:
                sys.stdout.write(piece)
                sys.stdout.flush()
        spent += time.perf_counter() - began
        print()
    if given.time:
        print(f"--- {len(made) / spent:,.0f} tokens/s", file=sys.stderr)
    return 0


def model_asked_for(given):
    """Return the Model of a run, of --weights, or of --model."""
    if given.model is not None:
        model = trained.of_llama(given.model, given.keep_bits)
        return model if given.adapter is None else with_adapters(model, given)
    if given.weights is not None:
        return trained.of_weights(given.weights, given.n_head, given.gpt2_files)
    return trained.of_run(given)


def with_adapters(model, given):
    """Return a Model with adapters merged into its weights, or beside them where they are packed.
    """
    config, params, tokenizer = model
    adapters, scale = adapter.load_adapters(given.adapter, config, params)
    if given.keep_bits:
        return trained.Model(config, adapted_llama.beside(params, adapters, scale), tokenizer)
    return trained.Model(config, adaptation.adapt(params, adapters, scale=scale), tokenizer)


def check_sampling(given):
    """Refuse options that are out of range, or that nothing would come of."""
    if given.seed < 0:
        raise ValueError(f"seed is {given.seed}; allowed: an integer from 0 up")
    if given.prompt == "":
        raise ValueError("prompt is empty; allowed: at least one character of the training text")
    if given.stop == "":
        raise ValueError("stop is empty; allowed: at least one character")
    if given.chat is not None and given.prompt is not None:
        raise ValueError(f"chat is {given.chat!r}; allowed: only without --prompt")
    trained.check_keep_bits(given)
    if given.keep_bits and given.uncached:
        raise ValueError("keep_bits is given; allowed: only without --uncached")
    origin = "model" if given.model else "weights" if given.weights else "out"
    for name, (of, only) in ORIGINS.items():
        if getattr(given, name) not in (None, False) and origin != of:
            raise ValueError(f"{name} is {getattr(given, name)}; allowed: only {only}")


def up_to_end(ids, end, made):
    """Yield ids until one is the end token; append each to made, the end token too."""
    for i in ids:
        made.append(i)
        if i == end:
            return
        yield i


def before_stop(pieces, stop):
    """Yield pieces of text up to the first stop, and hold back what may be its beginning."""
    held = ""
    for piece in pieces:
        held += piece
        if stop in held:
            yield held[:held.index(stop)]
            return
        longest = min(len(held), len(stop) - 1)
        begun = next(n for n in range(longest, -1, -1) if held.endswith(stop[:n]))
        yield held[:len(held) - begun]
        held = held[len(held) - begun:]
    yield held


def prompt_of(given, tokenizer):
    """Return what a sample continues, as it is shown and as ids (T,); of a chat nothing is shown.

    Without --prompt that is the end token, after which a document begins, unseen; where there is
    none, a new line, and where that is no token either, the first token.
    """
    if given.chat is not None:
        if not {*CHAT} <= {*tokenizer.specials}:
            raise ValueError(f"chat is {given.chat!r}; allowed: with a model whose tokenizer has "
                             f"{' and '.join(CHAT)}")
        begin, end = CHAT
        turn = f"{begin}user\n{given.chat}{end}\n{begin}assistant\n"
        return "", tokenizer.encode(turn, specials=True)
    if given.prompt is not None:
        return given.prompt, tokenizer.encode(given.prompt, specials=True)
    if END in tokenizer.specials:
        return "", np.array([tokenizer.specials[END]])
    try:
        return "\n", tokenizer.encode("\n")
    except ValueError:
        return tokenizer.decode([0]), np.array([0])


def ids_of(side, prompt, config, params, settings):
    """Return an iterator over the sampled ids, from the implementation asked for."""
    if side == "numpy":
        from reference import generate
        return generate.generate(prompt, params, config=config, **settings,
                                 **model_of(config).writer())
    import torch

    import torch_impl.generate
    torch.set_num_threads(1)  # a row at a time: a second thread only waits
    model = torch_model(config, params, shared=True)
    return torch_impl.generate.generate(torch.from_numpy(prompt), model, **settings,
                                        **model_of(config).torch_writer())
