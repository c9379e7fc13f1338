"""What a checkpoint holds: as arrays by name, and back, each value checked.

The arrays: params/, m/ and v/ of each dotted name; log, a row an entry; about, the rest as JSON.
"""

import contextlib
import json
import math
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np

from reference import adamw
from reference.tools import tree
from reference.train import Schedule

from ..layers.models import MODELS, model_of
from ..layers.params import as_params, shapes
from ..text import kinds
from .options import KEPT, OPTIONAL, check_option, whole
from .weight_files import Refused, distinct, quoted

FORMAT, VERSION = "one GPT, written twice", 1
PARTS = "params", "m", "v"
ABOUT = 2**21  # bytes of about; a tokenizer of 65,280 merges needs half of it
MOST = 2**53   # steps, which a float64 counts exactly
GENERATORS = {"batches", "masks"}
BLOCKS = 450   # of a model; the members of more are too many for one file
LATER = {"decay_steps": 0}  # fields that older checkpoints lack


class Entry(NamedTuple):
    """A line of the log of a run."""

    step: int            # updates made
    loss: float          # mean of the training batches since the line before
    valid: float | None  # of the validation text, where it was measured
    lr: float            # of the last update
    norm: float          # of its gradient, before clipping


class Stat(NamedTuple):
    """What an update did in one layer, and what went through it (training/stats.py)."""

    step: int          # updates made
    layer: int         # its number, from the embedding on
    activation: float  # deviation of its output
    gradient: float    # of the gradient of that
    update: float      # size of its update over that of its parameters


class Log(NamedTuple):
    """What a run has noted so far."""

    entries: tuple = ()
    total: float = 0.0  # of the losses since the last entry
    count: int = 0      # how many these are
    stats: tuple = ()   # where they are asked for


class Checkpoint(NamedTuple):
    """A run of training after some step."""

    config: Any  # of a model
    schedule: Schedule
    params: tuple
    state: adamw.State
    generators: dict  # name: rng.bit_generator.state, of np.random.default_rng
    tokenizer: dict   # what to_dict returns
    run: dict         # by the names of options.KEPT
    log: Log = Log()


def pack(checkpoint):
    """Return the arrays of the file by name, all but the checksum."""
    config, schedule, params, state, generators, tokenizer, run, log = checkpoint
    about = {"format": FORMAT, "version": VERSION,
             "config": {"model": model_of(config).stem} | vars(config),
             "schedule": vars(schedule), "step": state.step, "generators": generators,
             "tokenizer": tokenizer, "run": run, "pending": [log.total, log.count]}
    text = json.dumps(about, allow_nan=False, separators=(",", ":")).encode("ascii")
    rows = np.array(log.entries, float).reshape(-1, len(Entry._fields))      # None becomes NaN
    stats = np.array(log.stats, float).reshape(-1, len(Stat._fields))
    return {"about": np.frombuffer(text, np.uint8), "log": rows, "stats": stats} | {
        f"{part}/{name}": a for part, values in zip(PARTS, (params, state.m, state.v))
        for name, a in tree.walk(values)}


def unpack(arrays):
    """Return the Checkpoint of what pack returned; raises Refused for anything else."""
    arrays = dict(arrays)
    about = {"pending": [0.0, 0]} | described(arrays.pop("about"))  # older checkpoints have none,
    rows = arrays.pop("log", np.empty((0, len(Entry._fields))))     # and no log
    stats = arrays.pop("stats", np.empty((0, len(Stat._fields))))
    found = {}
    for name, check in CHECKS.items():
        try:
            found[name] = check(about[name])
        except Exception as error:  # whatever a check raises on a value of any type
            raise Refused(f"holds a wrong {name} ({quoted(str(error), 150)})") from None
    config = found["config"]
    if kinds.from_dict(found["tokenizer"]).vocab_size > config.vocab_size:
        raise Refused("holds a tokenizer of more tokens than the model knows")
    check_shapes(config, arrays)
    if arrays["params/norm.weight"].dtype != found["run"]["dtype"]:
        raise Refused("holds arrays of another dtype than its run has")
    check_values(arrays)
    log = Log(as_entries(rows, found["step"]), *found["pending"],
              as_stats(stats, found["step"], config.n_layer + 2))
    params, m, v = (as_params(config, {name: arrays[f"{part}/{name}"]
                                               for name, _ in shapes(config)}) for part in PARTS)
    return Checkpoint(config, found["schedule"], params, adamw.State(found["step"], m, v),
                      found["generators"], found["tokenizer"], found["run"], log)


def check_blocks(config):
    """Refuse a model of more blocks than a checkpoint holds with a ValueError."""
    if config.n_layer > BLOCKS:
        raise ValueError(f"n_layer is {config.n_layer}; allowed: up to {BLOCKS}, which a "
                         "checkpoint can hold")


def described(about):
    """Return the dict that the JSON of about holds, (n,) of uint8."""
    if about.dtype != np.uint8 or about.size > ABOUT:
        raise Refused(f"describes itself in {about.size} numbers of {about.dtype}")
    found = json.loads(about.tobytes(), object_pairs_hook=distinct, parse_constant=refuse_constant)
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise Refused("is no checkpoint")
    if found.get("version") != VERSION:
        raise Refused(f"has the version {quoted(found.get('version'))}")
    return found


def refuse_constant(number):
    """Refuse NaN and Infinity, which JSON does not have and Python's reader would take."""
    raise Refused(f"holds the number {number}")


def as_fields(cls, values):
    """Return cls(**values); refuse other names than its fields, or values of other types."""
    values = {name: value for name, value in LATER.items() if hasattr(cls, name)} | values
    typed = {field.name: field.type(values[field.name]) for field in fields(cls)}
    if typed != values:
        raise ValueError(f"{cls.__name__} is {quoted(values)}; allowed: numbers by its fields")
    return cls(**typed)


def as_config(values):
    """Return the Config of a model; refuse one that isn't here. Older ones are a GPT's."""
    values = {"model": "gpt"} | values
    stem = values.pop("model")
    if stem not in MODELS:
        raise ValueError(f"model is {quoted(stem)}; allowed: {', '.join(MODELS)}")
    return as_fields(MODELS[stem].numpy.Config, values)


def as_step(step):
    """Return the step; refuse what can't count updates."""
    if not whole(0, MOST)(step):
        raise ValueError(f"step is {quoted(step)}; allowed: a whole number from 0 to {MOST}")
    return step


def as_pending(values):
    """Return (total, count) of the losses that no entry holds; refuse what can't be theirs."""
    total, count = values
    if not (type(total) is float and 0 <= total < math.inf and whole(0, MOST)(count)):
        raise ValueError(f"pending is {quoted(values)}; allowed: a sum and a count from 0 up")
    return total, count


def as_entries(rows, step):
    """Return the entries of the log that rows hold, (n, 5); refuse what no run can have noted."""
    check_rows("log", rows, Entry)
    steps = rows[:, 0]
    rest = np.where(np.isnan(rows) & (np.arange(5) == 2), 0, rows)
    if not ((np.diff(steps, prepend=0) >= 1).all() and (steps <= step).all()
            and (steps == np.floor(steps)).all() and np.isfinite(rest).all() and (rest >= 0).all()):
        raise Refused("holds a log of other than rising steps and finite numbers from 0 up")
    return tuple(Entry(int(row[0]), row[1], None if math.isnan(row[2]) else row[2], *row[3:])
                 for row in rows.tolist())


def as_stats(rows, step, layers):
    """Return the stats that rows hold, (n, 5); refuse what no run can have noted."""
    check_rows("stats", rows, Stat)
    if not ((rows[:, 0] <= step).all() and (rows[:, 1] < layers).all()
            and (rows[:, :2] == np.floor(rows[:, :2])).all()
            and np.isfinite(rows).all() and (rows >= 0).all()):
        raise Refused("holds stats of other than steps, layers and finite numbers from 0 up")
    return tuple(Stat(int(row[0]), int(row[1]), *row[2:]) for row in rows.tolist())


def check_rows(name, rows, form):
    """Refuse an array that is not of rows of a form: (n, fields) of float64."""
    if rows.dtype != np.float64 or rows.ndim != 2 or rows.shape[1] != len(form._fields):
        raise Refused(f"holds a {name} of {rows.dtype} with the shape {rows.shape}")


def as_generator(state):
    """Return the Generator that goes on from a state; raises ValueError for one not of PCG64."""
    bits = np.random.PCG64(0)
    with contextlib.suppress(KeyError, OverflowError, TypeError, ValueError):
        bits.state = state
    if bits.state != state:
        raise ValueError(f"generator is {quoted(state)}; allowed: the state of a PCG64")
    return np.random.Generator(bits)


def as_generators(states):
    """Return the states by name; refuse other names than those of GENERATORS."""
    if set(states) != GENERATORS:
        raise ValueError(f"they are {list(states)}; allowed: {sorted(GENERATORS)}")
    return {name: as_generator(state).bit_generator.state for name, state in states.items()}


def as_run(values):
    """Return the values of a run; refuse other names or values than KEPT allows."""
    if set(values) | OPTIONAL != set(KEPT):
        raise ValueError(f"it has {list(values)}; allowed: {', '.join(KEPT)}")
    for name, value in values.items():
        check_option(name, value)
    return values


CHECKS = {  # of about: what each value must come through
    "config": as_config,
    "schedule": lambda values: as_fields(Schedule, values),
    "step": as_step,
    "generators": as_generators,
    "tokenizer": lambda values: kinds.from_dict(values).to_dict(),
    "run": as_run,
    "pending": as_pending,
}


def check_config(found, wanted):
    """Refuse another configuration than the one wanted, by the fields that differ."""
    other = [f"{name} = {value}, not {getattr(wanted, name)}"
             for name, value in vars(found).items() if value != getattr(wanted, name)]
    if other:
        raise Refused(f"has another configuration, {', '.join(other)}")


def check_shapes(config, arrays):
    """Refuse names, shapes and dtypes other than those that the configuration calls for."""
    if config.n_layer > len(arrays):
        raise Refused(f"holds {len(arrays)} arrays for {quoted(config.n_layer)} blocks")
    wanted = {f"{part}/{name}": shape for part in PARTS for name, shape in shapes(config)}
    for name in sorted(wanted | arrays):
        shape = arrays[name].shape if name in arrays else None
        if shape != wanted.get(name):
            raise Refused(f"holds {quoted(name)} with the shape {shape}, "
                          f"not {quoted(wanted.get(name))}")
    if {a.dtype for a in arrays.values()} not in ({np.dtype("f4")}, {np.dtype("f8")}):
        raise Refused("holds arrays that are not all float32 or all float64")


def check_values(arrays):
    """Refuse numbers that are not finite, or running means of squares below 0."""
    for name, a in arrays.items():
        if not np.isfinite(a).all():
            raise Refused(f"holds {quoted(name)} with a number that is not finite")
        if name.startswith("v/") and a.min(initial=0) < 0:
            raise Refused(f"holds {quoted(name)} with a number below 0, a mean of squares")
