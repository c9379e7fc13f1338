"""From the options of the command line to a run: train, plan, sample."""

import dataclasses
import os
import random
import shlex
import subprocess
import sys
import time
from pathlib import Path

from reference.fast import blas
from reference.gpt import Config
from reference.train import Schedule

from ..files import checkpoint, packing
from ..text import corpus, tokenizers
from . import loop, options, progress


def train(given):
    """Train one side from the start or from its checkpoint; return the exit code."""
    files = loop.Files(options.FOLDER if given.out is None else given.out)
    if given.side == "numpy":
        check_torch_only(given)
        job = job_of(given, files)
        return finish(job, loop.run(job, loop.NumpySide(job), files), files, "numpy")
    from . import torch_side
    job = job_of(given, files)
    with torch_side.process_group(given.device, job.batch_size) as device:
        side = torch_side.TorchSide(job, device, given.autocast, given.compile)
        leader = torch_side.rank() == 0
        entries = loop.run(job, side, files, leader)
    return finish(job, entries, files, "torch") if leader else 0


def check_torch_only(given):
    """Refuse what only torch can do."""
    for name, usual in {"device": "cpu", "autocast": False, "compile": False}.items():
        if getattr(given, name) != usual:
            raise ValueError(f"{name} is given; allowed: only --with torch")


def job_of(given, files):
    """Return the Job that the options ask for, new or resumed."""
    saved = checkpoint.latest(files.checkpoint)
    packing.check_run("threads", given.threads or 1)
    if given.resume:
        return resumed(given, files, checkpoint.load(saved))
    if os.path.isfile(saved):
        raise ValueError(f"out is {files.folder}, which holds a checkpoint; "
                         "allowed: --resume to go on with it, or another --out")
    values, text = values_of(given), corpus.load(given.text)
    tokenizer = tokenizer_of(given, text, given.tokenizer)
    config = config_of(values, tokenizer.vocab_size)
    parts = corpus.split(tokenizer.encode(text), config.block_size)
    job = loop.Job(config, schedule_of(values), values["batch_size"], values["seed"],
                       given.dtype or "float32", tokenizer, *parts, source(given.text),
                       threads=given.threads or os.cpu_count())
    announce(job, len(text))
    return job


def resumed(given, files, start):
    """Return the Job that goes on from a checkpoint; refuse settings other than its own."""
    own = vars(start.config) | vars(start.schedule) | start.run
    tokenizer = tokenizers.from_dict(start.tokenizer)
    check_settings(given, own, tokenizer.vocab_size)
    if start.state.step >= start.schedule.steps:
        raise ValueError(f"out is {files.folder}, whose run is at its end, step "
                         f"{start.state.step}; allowed: a run that was stopped before")
    path = given.text or text_of(own)
    text = corpus.load(path)
    parts = corpus.split(tokenizer.encode(text), start.config.block_size)
    job = loop.Job(start.config, start.schedule, own["batch_size"], own["seed"], own["dtype"],
                       tokenizer, *parts, source(path), start,
                       given.threads or own.get("threads", os.cpu_count()))
    if loop.digest(job) != own["digest"]:
        raise ValueError(f"text is {corpus.one_line(path)}, which is not what the run began with; "
                         "allowed: --text with the same text")
    check_tokenizer(given, text, start.tokenizer)
    announce(job, len(text))
    return job


def check_settings(given, own, tokens):
    """Refuse settings other than a run's own, given by name or by a preset."""
    preset = {} if given.preset is None else options.defaults(given.preset)
    for name in options.MODEL | options.SCHEDULE | options.RUN | {"dtype": 0}:
        words, value = name, getattr(given, name)
        if value is None:
            words, value = f"preset is {given.preset}, whose {name}", preset.get(name)
        if name == "vocab_size" and value == 0:
            value = tokens
        if value not in (None, own[name]):
            refuse(words, value, own[name])


def check_tokenizer(given, text, own):
    """Refuse options of a tokenizer, a dictionary, other than a run's own."""
    kind = "gpt2" if own.get("specials") else own["kind"]
    if given.tokenizer not in (None, kind):
        refuse("tokenizer", given.tokenizer, kind)
    for name, of in {"merges": "bpe", "gpt2_files": "gpt2"}.items():
        value = getattr(given, name)
        if value is not None and (kind != of or tokenizer_of(given, text, of).to_dict() != own):
            refuse(name, value, f"a tokenizer of {kind} with {len(own.get('merges', ()))} merges")


def refuse(name, value, own):
    """Refuse what the options say of a resumed run with a ValueError."""
    raise ValueError(f"{name} is {value}, but the run that is resumed has {own}; "
                     "allowed: no other settings than its own")


def text_of(own):
    """Return where a run has its text; refuse what is no file, since a checkpoint may name any."""
    path = own["text"]
    if path is not None and not os.path.isfile(path):
        raise ValueError(f"text is {corpus.one_line(path)}, where the run had it, but which is no "
                         "file now; allowed: --text with the same text")
    return path


def source(path):
    """Return where a text is, whatever folder one looks from."""
    return path and str(Path(path).resolve())


def values_of(given):
    """Return each hyperparameter by name: as given, else of the preset, else the default."""
    values = options.defaults(given.preset)
    values |= {name: getattr(given, name) for name in values if getattr(given, name) is not None}
    for name in "batch_size", "seed":
        packing.check_run(name, values[name])
    if values["vocab_size"] < 0:
        raise ValueError(f"vocab_size is {values['vocab_size']}; allowed: an integer from 0 up")
    return values


def config_of(values, tokens):
    """Return the Config of a model for so many tokens."""
    V = values["vocab_size"] or tokens
    if V < tokens:
        raise ValueError(f"vocab_size is {V}; allowed: at least the tokenizer's {tokens} tokens")
    return Config(vocab_size=V, **{name: values[name] for name in options.MODEL})


def schedule_of(values):
    return Schedule(**{name: values[name] for name in options.SCHEDULE})


def tokenizer_of(given, text, kind):
    """Return the tokenizer of a kind, trained on the text where it needs to be."""
    if kind == "bytes":
        return tokenizers.ByteTokenizer()
    if kind == "bpe":
        return tokenizers.train_bpe(
            text, options.MERGES if given.merges is None else given.merges)
    if kind == "gpt2":
        return tokenizers.load_gpt2("." if given.gpt2_files is None else given.gpt2_files)
    return tokenizers.CharTokenizer(text)


def announce(job, length):
    """Say what is trained, once however many processes there are."""
    from . import plan
    if os.environ.get("RANK", "0") == "0":
        print(f"{plan.parameters(job.config):,} parameters, {length:,} characters, "
              f"{job.tokenizer.vocab_size} different tokens, {job.dtype}, seed {job.seed}"
              + (f", from step {job.done}" if job.done else ""))


def finish(job, entries, files, side):
    """Print the loss curve and what the run left behind; return the exit code."""
    last, whole = entries[-1], entries[-1].step == job.schedule.steps
    print(progress.text_plot(entries))
    print_files(files)
    if whole and last.valid is not None:
        print(f"validation loss {last.valid:.4f}, over the whole validation part")
    else:
        print(f"stopped after step {last.step}" + ", the last, before its validation" * whole)
    if files.checkpoint not in files.unsaved:
        print("to write text: python -m compare sample" if whole else
              f"to go on: python -m compare train --resume --with {side}",
              "--out", argument(files.folder))
    return 1 if files.unsaved else 0 if whole else 130


def argument(path):
    """Return a path as a console takes it."""
    return subprocess.list2cmdline([str(path)]) if os.name == "nt" else shlex.quote(str(path))


def print_files(files):
    """Say which files are written, and which are not as the run stands now."""
    written = [path for path in files.paths if path not in files.unsaved]
    if written:
        *names, last = [str(written[0])] + [path.name for path in written[1:]]
        print(f"{', '.join(names)} and {last} are written" if names else f"{last} is written")
    for path, reason in files.unsaved.items():
        print(f"{path} is not saved as the run stands now ({reason})")


def lockstep(given):
    """Train both sides in lockstep."""
    from . import lockstep as pair
    check_torch_only(given)
    for name in "resume", "out", "threads":
        if getattr(given, name):
            raise ValueError(f"{name} is given; allowed: only --with numpy or --with torch; "
                             "with both nothing is saved, and each takes one thread")
    values, text = values_of(given), corpus.load(given.text)
    tokenizer = tokenizer_of(given, text, given.tokenizer)
    if values["vocab_size"] > tokenizer.vocab_size:  # it would sample what no token spells
        raise ValueError(f"vocab_size is {values['vocab_size']}; allowed with both: the "
                         f"tokenizer's {tokenizer.vocab_size} tokens")
    pair.report(pair.Run(config_of(values, tokenizer.vocab_size), schedule_of(values),
                         values["batch_size"], values["seed"], given.dtype or "float64"),
                text, tokenizer)
    return 0


def plan(given):
    """Print the plan."""
    from .plan import print_plan
    values = values_of(given)
    schedule_of(values)  # refuses what train would refuse
    config = config_of(values | {"vocab_size": values["vocab_size"] or 65}, 1)
    print_plan(config, values["batch_size"], values["steps"], given.dtype)
    return 0


def sample(given):
    """Write samples to the console as their tokens come."""
    if given.seed < 0:
        raise ValueError(f"seed is {given.seed}; allowed: an integer from 0 up")
    if given.prompt == "":
        raise ValueError("prompt is empty; allowed: at least one character of the training text")
    config, params, tokenizer = trained(given)
    opening = first_prompt(tokenizer) if given.prompt is None else given.prompt
    prompt, rng = tokenizer.encode(opening), random.Random(given.seed)
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
        config, params = gpt2.from_gpt2(weight_files.read(given.weights), n_head=given.n_head)
        tokenizer = tokenizers.load_gpt2(given.gpt2_files)
        if config.vocab_size < tokenizer.vocab_size:
            raise ValueError(f"weights is {given.weights}, a model of {config.vocab_size} tokens; "
                             f"allowed: at least the {tokenizer.vocab_size} of {given.gpt2_files}")
        return *without_spare_tokens(config, params, tokenizer.vocab_size), tokenizer
    saved = checkpoint.load(checkpoint.latest(loop.Files(given.out).checkpoint))
    tokenizer = tokenizers.from_dict(saved.tokenizer)
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
    model = weights.load(torch_impl.gpt.GPT(**vars(config)), params)
    return torch_impl.generate.generate(torch.from_numpy(prompt), model, **settings)
