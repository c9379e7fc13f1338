"""The lab preference: DPO, KTO, SimPO and SPIN where the best model is known."""

import numpy as np

from reference import gpt
from reference.labs.preference import LONGEST, SYMBOLS, T, Texts, V, every_text
from reference.train import Schedule

from ..layers.streams import stream
from ..progress import waiting
from ..svg import Plot, dot, figure, text
from .learners import LEARNERS, computed, drawn_params
from .run import Measured

PAIRS = 64         # of a batch
FIRST, LR = 100, 5e-3  # updates that make the reference; the first learning rate of each run
ROUNDS = {1.0: 3, 0.3: 1}  # of SPIN, by its strength; more at 0.3 make rounding errors grow
SIMPO = {"beta": 2.0, "gamma": 0.5}
METHODS = {"DPO": "dpo", "DPO, labels by a coin": "dpo", "KTO": "kto", "SimPO": "simpo"}
MARKS = {"reference": ("ink", "o"), "DPO": ("one", "D"), "KTO": ("two", "K"),
         "SimPO": ("three", "S")}
BETAS = np.geomspace(20, 0.1, 40)  # of the curve


def experiment(side, seed, *, beta, steps):
    """Return what one side measures from a seed."""
    world = World(side, seed, beta, steps)
    for name in waiting.over(METHODS, str):
        world.by_preference(name)
    for strength in waiting.over(ROUNDS, "SPIN at {}".format):
        world.by_self_play(strength)
        world.by_perfect_play(strength)
    world.by_imitation()
    series = {name: [float(f"{value:.6g}") for value in values]
              for name, values in world.series.items()}
    return Measured(world.numbers, world.losses, series)


class World:
    """The texts, the reference, the optimum, and what was measured of the models made of them."""

    def __init__(self, side, seed, beta, steps):
        self.side, self.seed, self.beta, self.steps = side, seed, beta, steps
        self.texts = every_text()
        self.reward = self.exact("even_less_odd", self.texts.targets)
        self.config = gpt.Config(V, T, n_layer=1, n_head=2, n_embd=32)
        self.numbers, self.losses, self.series = {}, [], {}
        first = drawn_params(self.config, stream(seed, "initial values"))
        learner = self.learner(first, FIRST)
        self.imitate(learner, self.language(), FIRST, "language")
        self.start, self.ref = learner.params, self.logp(learner)
        self.best = self.exact("optimum", self.ref, self.reward, beta=beta)
        curve = [self.exact("optimum", self.ref, self.reward, beta=b) for b in BETAS]
        self.series["KL of the best"] = [self.distance(one) for one in curve]
        self.series["reward of the best"] = [self.mean_reward(one) for one in curve]
        self.note("reference", self.ref)
        self.note("optimum", self.best)

    def exact(self, name, *arrays, **options):
        """Return what the side's own module computes of NumPy arrays."""
        made, = computed(self.side, "preference", name, *arrays, **options)
        return made

    def learner(self, params, steps):
        """Return a learner whose rate falls, so that little of the noise of the batches is left."""
        return LEARNERS[self.side](self.config, params, Schedule(
            steps=steps, lr=LR, min_lr=LR / 30, warmup=min(10, steps - 1), weight_decay=0.0))

    def logp(self, learner):
        """Return the log-probability of every text: (N,).

        The last place is the end's for sure, and what comes before it is one of few openings.
        """
        openings = self.texts.inputs[-SYMBOLS**LONGEST::SYMBOLS, :-1]            # (216, 4)
        places = np.minimum(self.texts.targets[:, :LONGEST - 1], SYMBOLS - 1)    # (N, 3)
        rows = places @ SYMBOLS ** np.arange(LONGEST - 1)[::-1]                  # (N,)
        logits = np.zeros((*self.texts.inputs.shape, V))                         # (N, T, V)
        logits[:, :-1] = learner.logits(openings)[rows]
        return self.exact("text_logp", logits, *self.texts[1:])

    def distance(self, logp):
        return float(self.exact("divergence", logp, self.ref))

    def to_best(self, logp):
        return float(self.exact("divergence", self.best, logp))

    def mean_reward(self, logp):
        return float(self.exact("expected", logp, self.reward))

    def note(self, name, logp):
        """Note what a model is worth; of the way up from the reference, the optimum makes 1."""
        low, high = (self.mean_reward(one) for one in (self.ref, self.best))
        self.numbers |= {f"reward, {name}": self.mean_reward(logp),
                         f"reward gained, {name}": (self.mean_reward(logp) - low) / (high - low),
                         f"KL from the reference, {name}": self.distance(logp),
                         f"KL to the optimum, {name}": self.to_best(logp)}

    def language(self):
        """Return the log-probability of every text of a language in which each symbol calls for
        others, and the end is one of them: (N,)."""
        habits = stream(self.seed, "habits").standard_normal((V, V))
        logits = habits[self.texts.inputs]
        return self.exact("text_logp", logits, *self.texts[1:])

    def imitate(self, learner, logp, steps, name):
        """Make updates on texts drawn by logp."""
        rng = stream(self.seed, name)
        for _ in range(steps):
            inputs, targets, counted = self.rows(draw_by(rng, logp, PAIRS))
            self.losses.append(learner.imitate(inputs, np.where(counted, targets, -100)))

    def rows(self, indices):
        return Texts(*(a[indices] for a in self.texts))

    def pairs(self, rng, coin):
        """Return the indices of chosen and of rejected texts, both drawn by the reference."""
        one, other = (draw_by(rng, self.ref, PAIRS) for _ in range(2))
        while (same := one == other).any():
            other = np.where(same, draw_by(rng, self.ref, PAIRS), other)
        wins = rng.random(PAIRS) < self.exact("prefers", self.reward[one], self.reward[other])
        if coin is not None:
            wins = coin.random(PAIRS) < 0.5
        return np.where(wins, one, other), np.where(wins, other, one)

    def update(self, learner, chosen, rejected, ref, method, options):
        """Make an update on pairs; KTO is told how far the model is from the reference."""
        both = np.concatenate([chosen, rejected])
        z0 = self.distance(self.logp(learner)) if method == "kto" else 0.0
        self.losses.append(learner.learn("preference", *self.rows(both), ref[both], np.array(z0),
                                         method=method, **options))

    def by_preference(self, name):
        """Train by one of the methods from the reference."""
        learner, method = self.learner(self.start, self.steps), METHODS[name]
        rng = stream(self.seed, "pairs")
        coin = stream(self.seed, "false labels") if "coin" in name else None
        options = SIMPO if method == "simpo" else {"beta": self.beta}
        if method == "kto":
            options = options | {"lambda_d": 1.0, "lambda_u": 1.0}
        for _ in waiting.over(range(self.steps)):
            self.update(learner, *self.pairs(rng, coin), self.ref, method, options)
        logp = self.logp(learner)
        self.note(name, logp)
        if name == "DPO":
            for words, score in ("implicit reward", logp - self.ref), ("likelihood", logp):
                self.numbers[f"ranked right by DPO's {words}"] = float(
                    self.exact("ranked_right", score, self.reward, self.ref))

    def by_self_play(self, strength):
        """Train by SPIN towards texts of the optimum, against the last round's model."""
        params, last, name = self.start, self.ref, f"SPIN at {strength:g}"
        rngs = [stream(self.seed, words) for words in ("best texts", "opponents")]
        for i in range(ROUNDS[strength]):
            steps = self.steps // 3
            learner = self.learner(params, steps)
            for _ in waiting.over(range(steps)):
                chosen, rejected = (draw_by(rng, logp, PAIRS)
                                    for rng, logp in zip(rngs, (self.best, last)))
                apart = chosen != rejected  # a pair of equal texts has no gradient
                self.update(learner, chosen[apart], rejected[apart], last, "dpo",
                            {"beta": strength})
            params, last = learner.params, self.logp(learner)
            self.numbers[f"KL to the optimum, {name}, round {i + 1}"] = self.to_best(last)
        self.note(name, last)

    def by_perfect_play(self, strength):
        """Note where SPIN would be after three rounds if each found its minimum."""
        last = self.ref
        for _ in range(3):
            last = self.exact("optimum", last, self.best - last, beta=strength)
        self.numbers[f"KL to the optimum, 3 perfect rounds of SPIN at {strength:g}"] = (
            self.to_best(last))

    def by_imitation(self):
        """Train by plain imitation of texts of the optimum."""
        learner = self.learner(self.start, self.steps)
        self.imitate(learner, self.best, self.steps, "best texts")
        self.note("imitation", self.logp(learner))
        self.numbers["KL to the optimum, SPIN at 1 over imitation"] = (
            self.numbers["KL to the optimum, SPIN at 1"]
            / self.numbers["KL to the optimum, imitation"])


def draw_by(rng, logp, count):
    """Return the indices of texts, each as often as logp says: (count,)."""
    return np.searchsorted(np.cumsum(np.exp(logp)), rng.random(count)).clip(max=len(logp) - 1)


def draw(log):
    """Return the picture: reward over distance, the best that can be had, and what was reached."""
    plot_ = Plot(52, 40, 400, 290, across=(0, 6), up=(-1.5, 4.2))
    pieces = [plot_.axes(range(7), range(-1, 5)),
              text(252, 370, "KL from the reference", color="muted"),
              text(20, 18, "mean reward", color="muted", anchor="start")]
    for one in log.measured:
        pieces.append(plot_.curve(one.series["KL of the best"], one.series["reward of the best"],
                                  color="muted", width=1.5))
    for name, (color, _) in MARKS.items():
        for one in log.measured:
            pieces.append(dot(*plot_.at(*place_of(one, name)), color=color, radius=5))
    for (name, (color, _)), y in zip(MARKS.items(), (268, 286, 304, 322)):
        pieces += [dot(300, y, color=color, radius=5), text(314, y, name, anchor="start")]
    caption = ("Each grey curve is one seed's best models: none has more reward at its distance. "
               "DPO's points lie just below, SimPO's far to the right: nothing holds it back.")
    return figure(384, "Reward against distance from the reference", caption, *pieces)


def plot(log):
    """Return the same of the first seed, in characters."""
    wide, high = 61, 16
    canvas = [[" "] * wide for _ in range(high)]

    def put(kl, reward, mark):
        column, row = round(kl / 6 * (wide - 1)), round((4.2 - reward) / 5.7 * (high - 1))
        if 0 <= column < wide and 0 <= row < high:
            canvas[row][column] = mark

    one = log.measured[0]
    for kl, reward in zip(one.series["KL of the best"], one.series["reward of the best"]):
        put(kl, reward, ".")
    for name, (_, mark) in MARKS.items():
        put(*place_of(one, name), mark)
    lines = [f"{'' if i else 'reward':>6} |{''.join(row).rstrip()}" for i, row in enumerate(canvas)]
    key = ", ".join(f"{mark} {name}" for name, (_, mark) in MARKS.items())
    return "\n".join([*lines, f"{'':>6} +{'-' * wide} KL from the reference, 0 to 6",
                      f"{'':>8}. the best at each distance, {key}"])


def place_of(one, name):
    """Return where a model stands: (KL from the reference, mean reward)."""
    return one.numbers[f"KL from the reference, {name}"], one.numbers[f"reward, {name}"]
