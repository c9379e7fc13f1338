"""The lab selection: which of the examples on offer a model learns from, and at what price."""

from typing import NamedTuple

import numpy as np

from reference import gpt
from reference.labs.selection import price

from ..layers.streams import stream
from ..progress import waiting
from ..svg import Plot, figure, line, text
from .learners import LEARNERS, computed, constant_rate, drawn_params
from .run import Measured

FACTS, RATE = 64, 3e-3            # inputs, each with a label; the learning rate
OFFERED, CHOSEN = 64, 8           # examples before each update; those that it learns from
RIGHT, EVERY = 0.9, 5             # the share of labels to reach; updates from one look to the next
LOGGED = 50                       # losses of each way that both sides compare
NOISE = {"clean": 0.0, "noisy": 0.4}  # how many labels are drawn anew
WAYS = "uniform", "by loss", "by gradient", "by reducible loss", "all"
DASHES = {"uniform": ("muted", "5 4"), "by loss": ("two", None), "by gradient": ("two", "2 4"),
          "by reducible loss": ("one", None), "all": ("muted", None)}  # of the picture
CAPTION = (
    "The share of right labels over the updates, seed 0. With clean labels, choosing by loss or by "
    "gradient is almost as good as learning from all 64. With 40% false labels it learns nothing: "
    "what looks hard is false. The reducible loss leaves those out, once another model knows them.")


class Task(NamedTuple):
    """What a seed draws."""

    labels: np.ndarray  # (FACTS,) of each input, from FACTS up
    noise: float

    def batches(self, rng):
        """Yield (inputs, labels, whether the label is false), (OFFERED,) each, without end.

        Input i comes as often as 1 / (i + 1) says: Zipf's law.
        """
        often = 1 / np.arange(1, FACTS + 1)
        while True:
            inputs = rng.choice(FACTS, OFFERED, p=often / often.sum())
            anew = rng.random(OFFERED) < self.noise
            given = np.where(anew, rng.integers(FACTS, 2 * FACTS, OFFERED), self.labels[inputs])
            yield inputs, given, given != self.labels[inputs]


class Student:
    """A GPT that reads one token and tells the label."""

    def __init__(self, side, seed, name):
        config = gpt.Config(2 * FACTS, block_size=1, n_layer=1, n_head=2, n_embd=32)
        self.side = side
        self.learner = LEARNERS[side](config, drawn_params(config, stream(seed, name)),
                                      constant_rate(10_000, RATE))

    def logits(self, inputs):
        """Return the logits of the labels of inputs: (B,) -> (B, 2 FACTS)."""
        return self.learner.logits(inputs[:, None])[:, 0]

    def score(self, name, inputs, labels):
        """Return a score of examples that its side's module computes: (B,)."""
        return computed(self.side, "selection", name, self.logits(inputs), labels)[0]

    def learn(self, inputs, labels):
        """Make one update; return its loss."""
        return self.learner.imitate(inputs[:, None], labels[:, None])

    def right(self, labels):
        """Return the share of inputs, each counted once, whose label it tells."""
        return float((self.logits(np.arange(FACTS)).argmax(-1) == labels).mean())


class Taught(NamedTuple):
    """How a student came along."""

    updates: int   # until it told RIGHT of the labels, or all
    right: float   # the share that it told then
    false: float   # the share of false labels among those it learned from
    losses: list
    curve: list    # the share at each look


def choose(way, student, other, inputs, labels):
    """Return the indices of the examples to learn from, by one of the WAYS."""
    if way == "all":
        return np.arange(OFFERED)
    if way == "uniform":
        return np.arange(CHOSEN)  # they are drawn one like the other
    scores = student.score("gradient_norms" if way == "by gradient" else "losses", inputs, labels)
    if way == "by reducible loss":
        of_other = other.score("losses", inputs, labels)
        scores, = computed(student.side, "selection", "reducible", scores, of_other)
    return computed(student.side, "selection", "highest", scores, count=CHOSEN)[0]


def taught(way, side, seed, task, other, limit):
    """Return the Taught of a student that learns in one of the WAYS."""
    student, batches = Student(side, seed, "selecting learner"), task.batches(
        stream(seed, "examples"))
    losses, false, curve = [], [], []
    for step in waiting.over(range(1, limit + 1)):
        inputs, labels, wrong = next(batches)
        chosen = choose(way, student, other, inputs, labels)
        losses.append(student.learn(inputs[chosen], labels[chosen]))
        false.append(wrong[chosen].mean())
        if step % EVERY == 0 or step == limit:
            curve.append(student.right(task.labels))
            if curve[-1] >= RIGHT:
                break
    return Taught(step, curve[-1], float(np.mean(false)), losses, curve)


def holdout_student(side, seed, task, updates):
    """Return a student that has learned from all examples of other batches."""
    student, batches = Student(side, seed, "holdout learner"), task.batches(
        stream(seed, "holdout examples"))
    for _ in waiting.over(range(updates)):
        inputs, labels, _ = next(batches)
        student.learn(inputs, labels)
    return student


def price_of(way, updates):
    """Return the price of so many updates in one of the WAYS, the other model's left out."""
    models = {"uniform": 0, "all": 0, "by reducible loss": 2}.get(way, 1)
    learned = OFFERED if way == "all" else CHOSEN
    return updates * price(models * OFFERED, learned)


def experiment(side, seed, *, limit, holdout):
    """Return what one side measures from a seed."""
    labels = FACTS + stream(seed, "labels").permutation(FACTS)
    numbers, losses, series = {}, [], {}
    for kind, noise in NOISE.items():
        task = Task(labels, noise)
        other = holdout_student(side, seed, task, holdout)
        numbers[f"right, {kind}, the other model"] = other.right(labels)
        for way in waiting.over(WAYS, str):
            run = taught(way, side, seed, task, other, limit)
            name = f"{kind}, {way}"
            numbers |= {f"updates, {name}": run.updates, f"right, {name}": run.right,
                        f"false labels, {name}": run.false,
                        f"price, {name}": price_of(way, run.updates)}
            losses += run.losses[:LOGGED]
            series[name] = run.curve
        numbers |= prices_over_all(numbers, kind, price_of("all", holdout))
    return Measured(numbers, losses, series)


def prices_over_all(numbers, kind, of_other):
    """Return the prices over that of learning from all: of choosing by loss, by the reducible loss,
    and the latter with the other model's."""
    by_loss, own, of_all = (numbers[f"price, {kind}, {way}"]
                            for way in ("by loss", "by reducible loss", "all"))
    return {f"price over that of all, {kind}, by loss": by_loss / of_all,
            f"price over that of all, {kind}, by reducible loss": own / of_all,
            f"price over that of all, {kind}, and of the other model": (own + of_other) / of_all}


def draw(log):
    """Return the Figure: the share of right labels over the updates, clean and noisy."""
    series, limit = log.measured[0].series, log.settings["limit"]
    pieces = []
    for i, (way, (color, dash)) in enumerate(DASHES.items()):
        x, y = 10 + 250 * (i % 2), 16 + 24 * (i // 2)
        pieces += [line(x, y, x + 30, y, color=color, width=2.5, dash=dash),
                   text(x + 40, y, way, anchor="start")]
    for i, (kind, words) in enumerate((("clean", "Clean labels"), ("noisy", "40% drawn anew"))):
        plot_ = Plot(46, 124 + 216 * i, 412, 140, (0, limit), (0, 1))
        pieces += [text(46, plot_.y - 20, words, anchor="start", bold=True),
                   plot_.axes([limit * k / 4 for k in range(5)], [0, 1])]
        for way, (color, dash) in DASHES.items():
            curve = series[f"{kind}, {way}"]
            steps = [min(EVERY * (k + 1), limit) for k in range(len(curve))]
            pieces.append(plot_.curve(steps, curve, color=color, dash=dash))
    pieces.append(text(252, 526, "updates", color="muted"))
    return figure(540, "Right labels over updates, five ways to choose", CAPTION, *pieces)


def plot(log):
    """Return the updates that each way took in seed 0 as bars, in characters."""
    one, limit = log.measured[0], log.settings["limit"]
    lines = []
    for kind in NOISE:
        lines.append(f"{kind}: updates to {RIGHT:.0%} right labels, at most {limit}")
        for way in WAYS:
            updates = one.numbers[f"updates, {kind}, {way}"]
            right = one.numbers[f"right, {kind}, {way}"]
            end = "" if right >= RIGHT else f", and then {right:.0%} right"
            lines.append(f"  {way:<18}{'#' * round(40 * updates / limit):<41}{updates:.0f}{end}")
    return "\n".join(lines)
