"""The lab tree_search: a model that copies with typos, three verifiers, and ways to decode."""

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from reference import generate, gpt, softmax

from ..layers.labs import LABS
from ..layers.streams import stream
from ..progress import waiting
from ..svg import Plot, figure, line, text
from .learners import LEARNERS, constant_rate, drawn_params
from .run import Measured

LENGTH, BATCH, TYPO = 6, 64, 0.6
EQUALS = 10  # the id of the sign between the digits and their copy
MANY = 4     # times the few calls
POINTS = 64  # of a curve of the picture


class Spent(NamedTuple):
    """What a method has spent when it stops: with a right answer, or with none."""

    model_calls: int
    verifier_calls: int
    found: bool

    def within(self, calls):
        """Whether a right answer came before more calls than these, of either kind."""
        return self.found and max(self[:2]) <= calls


class Asked:
    """What a model says after a prompt; it counts the prefixes that one method asks for."""

    def __init__(self, learner, digits):
        self.learner, self.prompt = learner, [*digits, EQUALS]
        self.known, self.prefixes = {}, set()

    def logits(self, prefix):
        """Return the logits after a prefix: (V,)."""
        return self.after(prefix)[0]

    def sampled(self, prefix, rng):
        """Return a token that is drawn from the probabilities after a prefix."""
        return generate.pick(self.after(prefix)[1], rng.random())

    def after(self, prefix):
        """Return the logits and the probabilities after a prefix, computed once: (V,), (V,)."""
        self.prefixes.add(prefix)
        if prefix not in self.known:
            logits = self.learner.logits(np.array([[*self.prompt, *prefix]]))[0, -1]
            self.known[prefix] = logits, softmax.forward(logits)[0]
        return self.known[prefix]

    def likeliest(self):
        """Return the answer whose every token is the likeliest one."""
        answer = ()
        while len(answer) < LENGTH:
            answer += (int(self.logits(answer).argmax()),)
        return answer


def graded(answer, digits):
    """Return the share of positions that are right."""
    return sum(map(int.__eq__, answer, digits)) / LENGTH


def right_beginning(answer, digits):
    """Return the share of positions before the first that is wrong."""
    right = [a == b for a, b in zip(answer, digits)]
    return (right + [False]).index(False) / LENGTH


def all_or_nothing(answer, digits):
    """Return 1 for the right answer, 0 for any other."""
    return float(answer == digits)


VERIFIERS = {"graded": graded, "beginning": right_beginning, "all or nothing": all_or_nothing}
CURVES = ["any verifier: best of N", *(f"{name}: {way}" for name in VERIFIERS
                                      for way in ("hill-climbing", "PUCT"))]
UNIFORM, PLAY = "graded: PUCT with a uniform prior", "graded: PUCT token by token"


def best_of(asked, verify, rng, calls):
    """Sample whole answers from the model until one is right; return the Spent."""
    asked.prefixes, verified, score = set(), 0, 0.0
    while score < 1 and max(len(asked.prefixes), verified) < calls:
        answer = ()
        while len(answer) < LENGTH:
            answer += (asked.sampled(answer, rng),)
        score = verify(answer)
        verified += 1
    return Spent(len(asked.prefixes), verified, score == 1)


def climb(asked, verify, rng, calls):
    """Begin with the likeliest answer, then sample one token anew at a drawn position, and keep the
    change unless the score falls; return the Spent."""
    asked.prefixes = set()
    answer, verified = asked.likeliest(), 1
    top = verify(answer)
    while top < 1 and max(len(asked.prefixes), verified) < calls:
        t = int(rng.integers(LENGTH))
        changed = (*answer[:t], asked.sampled(answer[:t], rng), *answer[t + 1:])
        verified += 1
        if (score := verify(changed)) >= top:
            answer, top = changed, score
    return Spent(len(asked.prefixes), verified, top == 1)


def demonstrations(digits_rng, typo_rng):
    """Return a batch of demonstrations and its targets, the prompts ignored: (B, 12), (B, 12)."""
    digits = digits_rng.integers(0, 10, (BATCH, LENGTH))                     # (B, 6)
    copied = (digits + (typo_rng.random(digits.shape) < TYPO)) % 10          # (B, 6)
    sequence = np.concatenate([digits, np.full((BATCH, 1), EQUALS), copied], 1)
    return sequence[:, :-1], np.where(np.arange(2 * LENGTH) < LENGTH, -100, sequence[:, 1:])


def trained_copier(side, seed, steps):
    """Return a learner that copies as the demonstrations do, and its losses."""
    config = gpt.Config(vocab_size=11, block_size=2 * LENGTH, n_layer=1, n_head=2, n_embd=32)
    learner = LEARNERS[side](config, drawn_params(config, stream(seed, "tree learner")),
                             constant_rate(steps, 2e-3, warmup=20))
    rngs = stream(seed, "copied digits"), stream(seed, "typos")
    return learner, [learner.imitate(*demonstrations(*rngs)) for _ in waiting.over(range(steps))]


class Decoding(NamedTuple):
    """How a side searches."""

    lab: Any          # its module
    to_side: Any      # from a NumPy array to its own
    settings: dict    # length and c


def answered(side, asked, digits, rngs, calls):
    """Return the Spent of every way to decode one prompt, by name."""
    most, nothing = MANY * calls, side.to_side(np.zeros(EQUALS + 1))

    def logits(prefix):
        return side.to_side(asked.logits(prefix))

    def tree(way, verifier, logits, calls):
        found = way(logits, verifier, calls=calls, **side.settings)
        return Spent(found.model_calls, found.verifier_calls, found.score == 1)

    spent = {"greedy": Spent(LENGTH, 1, asked.likeliest() == digits)}
    verifiers = {name: partial(score, digits=digits) for name, score in VERIFIERS.items()}
    for name, verify in verifiers.items():
        spent[f"{name}: hill-climbing"] = climb(asked, verify, rngs[1], most)
        spent[f"{name}: PUCT"] = tree(side.lab.search, verify, logits, most)
    verify = verifiers["graded"]
    spent["any verifier: best of N"] = best_of(asked, verify, rngs[0], most)
    spent[UNIFORM] = tree(side.lab.search, verify, lambda _: nothing, most)
    for word, n in ("few", calls), ("many", most):
        spent[f"{PLAY}, {word}"] = tree(side.lab.play, verify, logits, n)
    return spent


def experiment(side, seed, *, c, calls, prompts, steps):
    """Train a model to copy with typos, and decode it in every way for every verifier."""
    learner, losses = trained_copier(side, seed, steps)
    decoding = Decoding(getattr(LABS["tree_search"], side), to_side(side), dict(length=LENGTH, c=c))
    rngs = stream(seed, "samples"), stream(seed, "climbs")
    drawn = stream(seed, "searched").integers(0, 10, (prompts, LENGTH)).tolist()
    spent = [answered(decoding, Asked(learner, digits), tuple(digits), rngs, calls)
             for digits in waiting.over(drawn)]
    return Measured(success_and_cost(spent, calls), losses, curves_of(spent, calls))


def to_side(side):
    """Return what makes an array of one side from a NumPy array."""
    if side == "numpy":
        return np.asarray
    import torch
    return torch.from_numpy


def success(spent, way, calls=math.inf):
    """Return the share of prompts that a way to decode has answered within so many calls."""
    return sum(one[way].within(calls) for one in spent) / len(spent)


def success_and_cost(spent, calls):
    """Return the success of every way within few calls and within many, and what it has spent."""
    numbers = {"greedy": success(spent, "greedy")}
    for word, n in ("few", calls), ("many", MANY * calls):
        numbers |= {f"{way}, {word}": success(spent, way, n) for way in (*CURVES, UNIFORM)}
        numbers[f"{PLAY}, {word}"] = success(spent, f"{PLAY}, {word}")
    for verifier in "graded", "all or nothing":
        numbers[f"{verifier}: PUCT less best of N, few"] = (
            numbers[f"{verifier}: PUCT, few"] - numbers["any verifier: best of N, few"])
    for way in CURVES:
        for i, kind in enumerate(("model", "verifier")):
            numbers[f"{way}, {kind} calls"] = sum(one[way][i] for one in spent) / len(spent)
    return numbers


def curves_of(spent, calls):
    """Return the success of every way that the picture shows, by how many calls it may make."""
    at = [MANY * calls * (i + 1) / POINTS for i in range(POINTS)]
    return {"calls": at} | {way: [float(f"{success(spent, way, n):.6g}") for n in at]
                            for way in CURVES}


LINES = {"best of N": ("muted", "5 4"), "hill-climbing": ("two", None), "PUCT": ("one", None)}


def ways_of(log, verifier):
    """Yield (way, its mean success over the seeds at each number of calls) for a verifier."""
    for way in LINES:
        whose = "any verifier" if way == "best of N" else verifier
        yield way, np.mean([one.series[f"{whose}: {way}"] for one in log.measured], 0)


def draw(log):
    """Return the Figure of success against calls: a plot a verifier, a line a way to decode."""
    calls, pieces = log.measured[0].series["calls"], []
    most, height = calls[-1], 150
    for i, (way, (color, dash)) in enumerate(LINES.items()):
        x = 46 + 145 * i
        pieces += [line(x, 14, x + 26, 14, color=color, width=2.5, dash=dash),
                   text(x + 33, 14, way, anchor="start")]
    for i, verifier in enumerate(VERIFIERS):
        plot = Plot(46, 64 + (height + 56) * i, 412, height, (0, most), (0, 1))
        pieces += [text(46, plot.y - 19, f"verifier: {verifier}", anchor="start", bold=True),
                   plot.axes([most * k / 4 for k in range(5)], [0, 1])]
        pieces += [plot.curve(calls, values, color=LINES[way][0], dash=LINES[way][1])
                   for way, values in ways_of(log, verifier)]
    bottom = 64 + 3 * (height + 56)
    pieces.append(text(256, bottom - 8, "calls of the model and of the verifier, at most",
                       color="muted"))
    return figure(bottom + 8, "Success against calls, for three verifiers",
                  "The share of prompts with a right answer. The verifier decides which way to "
                  "decode finds it first.", *pieces)


def plot(log):
    """Return the success within few calls as bars of plain characters, the mean over the seeds."""
    few = log.measured[0].series["calls"].index(log.settings["calls"])
    rows = []
    for verifier in VERIFIERS:
        rows.append(f"verifier: {verifier}, {log.settings['calls']} calls")
        rows += [f"  {way:<14}{'#' * round(40 * values[few]):<41}{values[few]:.2f}"
                 for way, values in ways_of(log, verifier)]
    return "\n".join(rows)
