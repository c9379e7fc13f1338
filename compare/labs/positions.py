"""The lab positions: four models that differ in how they know where a token stands."""

import math

import numpy as np

from reference.gpt import Config
from reference.tools import tree
from reference.train import IGNORED, Schedule

from ..layers.labs import LABS
from ..layers.streams import stream
from ..progress import waiting
from ..svg import Plot, figure, line, text
from .learners import LEARNERS, drawn_params
from .run import Measured

SYMBOLS = 8            # tokens
TRAINED = 16           # positions of a text to learn from; the tests have twice as many
BACK = 3               # how far back the token stands that is to be told
ALIKE = 22             # how far back the fastest turn is nearly the same: 19 is nearly 6 pi
BATCH, MEASURED = 32, 512
STEPS = 300            # in which the learning rate falls
STD = 0.1              # the deviation of the initial values
KINDS = "none", "learned", "sinusoidal", "rotary"
LINES = {"rotary": ("one", None), "sinusoidal": ("three", "2 3"), "learned": ("two", "6 4"),
         "none": ("muted", None)}
CAPTION = (
    "The share of texts in which the token 3 back is told, by the place of the token that "
    "asks. All models learned from texts of 16 tokens. Past that, both tables fail at once. Turned "
    "queries and keys go on, until a token 22 back comes into sight that their fastest turn takes "
    "for one 3 back.")
TABLE = "embedding.position.weight"


def draw_tokens(rng, count, T):
    """Return texts of symbols that say nothing of each other: (count, T)."""
    return rng.integers(0, SYMBOLS, (count, T))


def told_back(tokens):
    """Return the targets, the token 3 back: (B, T) -> (B, T)."""
    targets = np.full_like(tokens, IGNORED)
    targets[:, BACK:] = tokens[:, :-BACK]
    return targets


def new_learner(side, seed, kind, n_layer=2):
    """Return a model of a kind. All kinds start from the same numbers.

    They have no biases in attention, as the turned one has none, and only a learned table learns.
    """
    config = Config(SYMBOLS, 2 * TRAINED, n_layer, n_head=2, n_embd=32)
    stem = "positions" if kind == "rotary" else "attention_only"
    params = drawn_params(config, stream(seed, "start of positions"), stem, STD)
    table = params.embedding.position.weight
    if kind == "none":
        table[:] = 0
    if kind == "sinusoidal":  # the paper has its tokens times sqrt(C) instead
        waves = getattr(LABS["positions"], side).waves(*table.shape)
        table[:] = np.asarray(waves) / math.sqrt(config.n_embd)
    fixed = {name for name, _ in tree.walk(params)
             if name.endswith(("qkv.bias", "proj.bias")) or name == TABLE and kind != "learned"}
    schedule = Schedule(steps=STEPS, lr=3e-3, min_lr=1e-5, warmup=0, weight_decay=0.0)
    return LEARNERS[side](config, params, schedule, stem, fixed)


def trained_by_kind(side, seed, kind, steps, n_layer=2):
    """Return a model of a kind that has learned the task, and its losses."""
    learner, losses = new_learner(side, seed, kind, n_layer), []
    rng = stream(seed, "texts of positions")
    for _ in waiting.over(range(steps), lambda step: f"{kind}, step {step + 1} of {steps}"):
        tokens = draw_tokens(rng, BATCH, TRAINED)
        losses.append(learner.imitate(tokens, told_back(tokens)))
    return learner, losses


def accuracy_by_place(logits, targets):
    """Return the share of the texts that are told right at each position: (T,)."""
    return (logits.argmax(-1) == targets).mean(0)


def change_by_order(learner, tokens):
    """Return how far a logit after the last token moves when those before it change places."""
    turned = np.concatenate((tokens[:, -2::-1], tokens[:, -1:]), 1)
    return float(np.abs(learner.logits(turned)[:, -1] - learner.logits(tokens)[:, -1]).max())


def experiment(side, seed, *, steps):
    """Train a model of each kind to tell the token 3 back."""
    tokens = draw_tokens(stream(seed, "tests of positions"), MEASURED, 2 * TRAINED)
    short = tokens[:, :TRAINED]
    numbers, losses, curves = {}, [], {}
    for kind in KINDS:
        learner, found = trained_by_kind(side, seed, kind, steps)
        right = accuracy_by_place(learner.logits(tokens), told_back(tokens))
        numbers |= {f"3 back, {kind}": float(right[BACK:TRAINED].mean()),
                    f"3 back, {kind}, past": float(right[TRAINED:].mean()),
                    f"3 back, {kind}, just past": float(right[TRAINED:ALIKE].mean())}
        curves[kind] = right[BACK:].tolist()
        losses += found[::2]
        if kind == "rotary":
            told = learner.logits(tokens).argmax(-1)[:, ALIKE:]
            numbers["22 back instead, rotary"] = float((told == tokens[:, :-ALIKE]).mean())
        if kind == "none":
            numbers["change by order, two blocks"] = change_by_order(learner, short)
    learner, _ = trained_by_kind(side, seed, "none", steps, n_layer=1)
    right = accuracy_by_place(learner.logits(short), told_back(short))
    numbers |= {"3 back, none, one block": float(right[BACK:].mean()),
                "change by order, one block": change_by_order(learner, short)}
    series = {name: [float(f"{value:.6g}") for value in curve] for name, curve in curves.items()}
    return Measured(numbers, losses, series)


def mean_of(log, name):
    """Return a curve, the mean over the seeds."""
    return np.mean([one.series[name] for one in log.measured], 0)


def draw(log):
    """Return the Figure: how often the token 3 back is told, by place."""
    last = 2 * TRAINED - 1
    back = Plot(42, 84, 420, 150, (0, last), (0, 1))
    border = 42 + 420 * (TRAINED - 0.5) / last
    pieces = [text(10, 16, "The token 3 back is told", anchor="start", bold=True),
              back.axes([0, TRAINED - 1, ALIKE, last], [0, 1]),
              line(border, 84, border, 234, color="muted", dash="3 3"),
              text(border + 6, 248 - 150 + 8, "past the trained length", anchor="start",
                   color="muted")]
    for i, (kind, (color, dash)) in enumerate(LINES.items()):
        x = (10, 104, 238, 352)[i]
        pieces += [line(x, 46, x + 24, 46, color=color, width=2.5, dash=dash),
                   text(x + 30, 46, kind, anchor="start", color="muted"),
                   back.curve(range(BACK, last + 1), mean_of(log, kind), color=color, dash=dash)]
    pieces.append(text(252, 268, "the place of the token that asks", color="muted"))
    return figure(284, "Positions: four ways to know where a token stands", CAPTION, *pieces)


def plot(log):
    """Return the accuracy by place as characters, the mean over the seeds."""
    rows = [f"the token 3 back is told, by place; learned from places up to {TRAINED - 1}",
            " " * 12 + "".join(f"{t:>3}" for t in range(BACK, 2 * TRAINED, 2)) + "  place"]
    for kind in LINES:
        shares = "".join(f"{100 * share:>3.0f}" for share in mean_of(log, kind)[::2])
        rows.append(f"{kind:<12}{shares}  %")
    return "\n".join(rows)
