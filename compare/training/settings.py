"""From the words of the command line to what is trained."""

import dataclasses
import os

from reference.train import Schedule

from ..files import checkpoint, options, packing
from ..layers.models import MODELS, model_of
from ..text import corpus, kinds
from ..text.documents import Source, source_of
from . import log, trained
from .costs import parameters
from .job import Job, digest, is_leader
from .merging import Merging

BELONGS = {"merges": "bpe", "gpt2_files": "gpt2"}  # an option: the tokenizer that it is of
AT_MOST = {"warmup": "steps", "min_lr": "lr"}


def job_of(given, folder):
    """Return the Job that the options ask for, new or resumed."""
    saved = checkpoint.latest(folder.checkpoint)
    options.check_option("threads", given.threads or 1)
    if given.resume:
        if given.weights is not None:
            raise ValueError(f"weights is {given.weights}; allowed: only without --resume")
        return resumed(given, folder, checkpoint.load(saved))
    if os.path.isfile(saved):
        raise ValueError(f"out is {folder.path}, which holds a checkpoint; "
                         "allowed: --resume to go on with it, or another --out")
    return fresh_job(given)


def fresh_job(given, dtype="float32", spare_tokens=True):
    """Return the Job that begins from what the seed draws, or from --weights, and say so.

    Without spare_tokens a vocab_size above the tokenizer's is refused.
    """
    source = Source(given.text, given.valid_text, given.field)
    values = values_of(given) if given.weights is None else None  # refused before a text is read
    check_kind(given)
    documents, dtype = source.read(), given.dtype or dtype
    if given.weights is None:
        tokenizer = tokenizer_of(given, documents, given.tokenizer)
        config, weights = config_of(values, tokenizer.vocab_size), None
    else:
        found = begun(given, documents)
        values = values_of(given, model_of(found.config).stem)
        tokenizer = found.tokenizer
        config, weights = trained.to_train(found, given, dtype, values)
    if config.vocab_size > tokenizer.vocab_size and not spare_tokens:
        # or it may sample the others
        raise ValueError(f"vocab_size is {config.vocab_size}; allowed with both: the "
                         f"tokenizer's {tokenizer.vocab_size} tokens")
    packing.check_blocks(config)
    parts = documents.ids(tokenizer, config.block_size)
    job = Job(config, schedule_of(values), values["batch_size"], values["seed"], dtype, tokenizer,
              *parts, source.whole(), threads=given.threads or os.cpu_count(),
              accumulate=values["accumulate"], stats=given.stats, weights=weights)
    announce(job, documents.length)
    return job


def begun(given, documents):
    """Return the trained.Model of the weights to begin with."""
    tokenizer = given.tokenizer and tokenizer_of(given, documents, given.tokenizer)
    found = trained.of_weights(given.weights, given.n_head, given.gpt2_files, tokenizer)
    stem = model_of(found.config).stem
    if given.model not in (None, stem):
        raise ValueError(f"model is {given.model}, but {given.weights} is a {stem}; "
                         f"allowed: {stem}")
    return found


def resumed(given, folder, start):
    """Return the Job that goes on from a checkpoint; refuse settings other than its own."""
    start = prolonged(start, given.steps)
    lacking = {name: options.KEPT[name].default for name in ("accumulate", "stats")}  # older ones
    own = {"model": model_of(start.config).stem} | vars(start.config) | vars(start.schedule)
    own |= lacking | start.run
    tokenizer = kinds.from_dict(start.tokenizer)
    check_settings(given, own, tokenizer.vocab_size)
    if given.stats and not own["stats"]:
        refuse_other("stats", True, False)
    step, steps = start.state.step, start.schedule.steps
    if step >= steps and not log.is_owed(start.log, step, steps):
        raise ValueError(f"out is {folder.path}, whose run is at its end, step {step}; "
                         f"allowed: --steps with more than {step}")
    source = found_again(given, source_of(own))
    documents = source.read()
    parts = documents.ids(tokenizer, start.config.block_size)
    job = Job(start.config, start.schedule, own["batch_size"], own["seed"], own["dtype"],
              tokenizer, *parts, source.whole(), start,
              threads=given.threads or own.get("threads", os.cpu_count()),
              accumulate=own["accumulate"], stats=own["stats"])
    if digest(job) != own["digest"]:
        raise ValueError(f"text is {paths_in_words(source.text)}, which is not what the run began "
                         f"with; allowed: --text{' and --valid-text' * bool(source.valid_text)} "
                         "with the same text")
    check_tokenizer(given, documents, start.tokenizer)
    announce(job, documents.length)
    return job


def prolonged(start, steps):
    """Return a checkpoint whose run goes on to more steps, if so many are given.

    The learning rate falls in as many steps as before, and then stays at its minimum.
    """
    schedule = start.schedule
    if steps is None or steps <= schedule.steps:
        return start
    return start._replace(schedule=dataclasses.replace(
        schedule, steps=steps, decay_steps=schedule.decay_steps or schedule.steps))


def check_settings(given, own, tokens):
    """Refuse settings other than a run's own, given by name or by a preset."""
    if given.model not in (None, own["model"]):
        refuse_other("model", given.model, own["model"])
    values = values_of(given, own["model"])
    preset = {} if given.preset is None else values
    stands = {"vocab_size": tokens} | {name: follow(own) for name, follow in options.FOLLOWS.items()
                                       if name in own}
    for name in [*values, "dtype"]:
        words, value = name, getattr(given, name)
        if value is None and name == "decay_steps":
            continue  # a run that was given more steps has one of its own
        if value is None:
            words, value = f"preset is {given.preset}, whose {name}", preset.get(name)
        if value == 0 and name in stands:
            value = stands[name]
        if value not in (None, own[name]):
            refuse_other(words, value, own[name])


def check_kind(given):
    """Refuse options that belong to another kind of tokenizer than the one asked for."""
    for name, of in BELONGS.items():
        value, kind = getattr(given, name), given.tokenizer or (given.weights and "gpt2")
        if value is not None and kind != of:
            raise ValueError(f"{name} is {value}; allowed: only with --tokenizer {of}")


def check_tokenizer(given, documents, own):
    """Refuse options of a tokenizer, a dictionary, other than a run's own."""
    kind = kinds.maker_of(own)
    if given.tokenizer not in (None, kind):
        refuse_other("tokenizer", given.tokenizer, kind)
    for name, of in BELONGS.items():
        value = getattr(given, name)
        if value is not None and (
                kind != of or tokenizer_of(given, documents, of).to_dict() != own):
            merges = len(own.get("merges", ()))
            refuse_other(name, value, f"a tokenizer of {kind} with {merges} merges")


def refuse_other(name, value, own):
    """Refuse what the options say of a resumed run with a ValueError."""
    raise ValueError(f"{name} is {value}, but the run that is resumed has {own}; "
                     "allowed: no other settings than its own")


def found_again(given, own):
    """Return the Source of a resumed run: as given, else where the run had it.

    Refuses what is no file or folder, since a checkpoint may name any path.
    """
    if given.field not in (None, own.field or "text"):
        refuse_other("field", given.field, own.field or "text")
    for name, paths in ("text", own.text), ("valid_text", own.valid_text):
        for path in (not getattr(given, name) and paths) or ():
            option = name.replace("_", "-")
            if path == corpus.STDIN:
                raise ValueError(f"{name} was standard input, which can't be read again; allowed: "
                                 f"--{option} - with the same text there")
            if not (os.path.isfile(path) or os.path.isdir(path)):
                raise ValueError(f"{name} is {corpus.one_line(path)}, where the run had it, but "
                                 f"which is no file now; allowed: --{option} with the same text")
    return own._replace(text=given.text or own.text, valid_text=given.valid_text or own.valid_text)


def paths_in_words(paths):
    """Return paths as one line; None is the language reference."""
    return ", ".join(map(corpus.one_line, paths or ["the language reference"]))


def values_of(given, model=None, usual={}):
    """Return each hyperparameter by name: as given, else of the preset, else usual or the default.

    The model is this one, else the one given, else the default. Refuses what it has not.
    """
    model = model or given.model or options.RUN["model"].default
    values = options.defaults(given.preset, model) | usual
    for name in options.of_all_models():
        if getattr(given, name) is not None:
            options.check_belongs(name, model)
    named = {name for name in values if getattr(given, name) is not None} - {"model"}
    values = options.followed(values | {name: getattr(given, name) for name in named})
    for name, most in AT_MOST.items():
        if name not in named:  # a default is cut
            values[name] = min(values[name], values[most])
    for name in options.RUN:
        options.check_option(name, values[name])
    return values


def config_of(values, tokens):
    """Return the Config of the model that the values name, for so many tokens."""
    V = values["vocab_size"] or tokens
    if V < tokens:
        raise ValueError(f"vocab_size is {V}; allowed: at least the tokenizer's {tokens} tokens")
    model = values["model"]
    return MODELS[model].numpy.Config(
        vocab_size=V, **{name: values[name] for name in options.MODEL[model]})


def schedule_of(values):
    """Return the Schedule of the values; refuse a rise longer than all, or a decay upwards."""
    for name, most in AT_MOST.items():
        if values[name] > values[most]:
            raise ValueError(f"{name} is {values[name]}; allowed: at most {most} = {values[most]}")
    return Schedule(**{name: values[name] for name in options.SCHEDULE})


def tokenizer_of(given, documents, kind):
    """Return the tokenizer of a kind, as the options ask for it."""
    merges = options.MERGES if given.merges is None else given.merges
    merging = Merging(merges) if kind == "bpe" and is_leader() else None
    tokenizer = kinds.make(kind, documents, merges, given.gpt2_files, merging)
    if merging:
        merging.end(len(tokenizer.merges))
    return tokenizer


def announce(job, length):
    """Say what is trained, once however many processes there are."""
    if is_leader():
        print(f"{parameters(job.config):,} parameters, {length:,} characters, "
              f"{job.tokenizer.vocab_size} different tokens, {job.dtype}, seed {job.seed}"
              + (f", from step {job.done}" if job.done else ""))
