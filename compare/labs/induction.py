"""The lab induction: a model learns to copy what followed the same key, and two heads do it."""

import numpy as np

from reference import cross_entropy

from ..layers.labs import LABS
from ..layers.streams import stream
from ..svg import Plot, cells, figure, line, text
from .recall import SYMBOLS, Texts, draw_texts, learners_over
from .run import Measured

MEASURED = 512  # texts that the numbers are measured on
WATCHED = 64    # of them, on which the scores are followed
EVERY = 10      # updates from one point of a curve to the next
KINDS = {       # of models, by name: what learners_over is given
    "two blocks": {}, "one block": {"n_layer": 1}, "with MLPs": {"stem": "gpt"},
    "deviation 0.02": {"std": 0.02}}
DASH, CELL = "6 4", 16               # of the picture
FROM, SHADES = (0.1, 0.3, 0.6), " .o#"  # the weights from which a character stands for one
CAPTION = (
    "Keys are letters, values digits. On top, seed 0: while the head of block 0 learns to look "
    "from a value to the key before it, that of block 1 learns to look at the value behind the "
    "same key, and the loss falls. A model of one block stays where it is. Below, the trained "
    "heads on a text: the darker a cell, the more the token on its left looks at the one above.")


class Heads:
    """What a model of attention alone does on some texts, found by its side's own module."""

    def __init__(self, side, learner, texts):
        self.lab, self.learner = getattr(LABS["induction"], side), learner
        self.to_side = np.asarray
        if side == "torch":
            import torch
            self.to_side = torch.from_numpy
        self.tokens, self.targets = map(self.to_side, texts)
        self.asked = self.targets >= 0
        self.at_values = self.to_side(np.indices(texts.tokens.shape)[1] % 2 == 1)
        _, self.weights, self.outputs = self.forward()

    def forward(self, ablation=None):
        """Return logits, weights and outputs, with a head ablated if one is given."""
        if self.to_side is np.asarray:
            return self.lab.forward(self.tokens, self.learner.params, config=self.learner.config,
                                    ablation=ablation)
        return self.lab.forward(self.tokens, self.learner.model, ablation=ablation)

    def prefix_matching(self, block):
        """Return the score of the head of a block, where a value can be told."""
        scores = self.lab.prefix_matching_score(self.weights, self.tokens, self.asked)
        return float(scores[block, 0])

    def previous_token(self, block):
        """Return the score of the head of a block, where it stands at a value."""
        return float(self.lab.previous_token_score(self.weights, self.at_values)[block, 0])

    def accuracy(self, ablation=None):
        """Return the share of values that are told right."""
        return float(self.lab.accuracy(self.forward(ablation)[0], self.targets))

    def guess_loss(self):
        """Return the loss of a guess among the values so far."""
        return float(self.lab.guess_loss(self.tokens, self.targets))


def experiment(side, seed, *, steps):
    """Train a model of each kind on the same texts; return what was Measured."""
    texts = draw_texts(stream(seed, "tests of recall"), MEASURED)
    watched = Texts(*(array[:WATCHED] for array in texts))
    numbers, losses, curves = {}, {}, {"prefix matching": [], "previous token": []}
    for kind, options in KINDS.items():
        losses[kind] = []
        for step, (learner, loss) in enumerate(learners_over(side, seed, steps, **options), 1):
            losses[kind].append(loss)
            if kind == "two blocks" and step % EVERY == 0:
                heads = Heads(side, learner, watched)
                curves["prefix matching"].append(heads.prefix_matching(1))
                curves["previous token"].append(heads.previous_token(0))
        curves[f"loss, {kind}"] = [np.mean(losses[kind][i:i + EVERY])
                                   for i in range(0, steps - EVERY + 1, EVERY)]
        numbers |= of_model(learner.logits(texts.tokens), texts.targets, kind)
        if kind == "two blocks":
            heads = Heads(side, learner, texts)
            numbers |= of_two_blocks(heads)
            shown = np.round(heads.weights[:, 0, 0].tolist(), 4)
        if kind == "one block":
            numbers |= of_one_block(Heads(side, learner, texts))
    for kind in "one block", "two blocks":
        numbers[f"loss above that of a guess, {kind}"] = (
            numbers[f"loss, {kind}"] - numbers["loss of a guess"])
    series = {name: [float(f"{value:.6g}") for value in curve] for name, curve in curves.items()}
    return Measured(numbers, losses["two blocks"] + losses["one block"], series | {
        "text": texts.tokens[0].tolist(), "weights": shown.tolist()})


def of_model(logits, targets, kind):
    """Return the numbers of a model from its logits."""
    counted = targets >= 0
    return {f"accuracy, {kind}": float((logits.argmax(-1) == targets)[counted].mean()),
            f"loss, {kind}": float(cross_entropy.forward(logits, targets)[0])}


def of_two_blocks(heads):
    """Return the numbers of the two heads."""
    numbers = {"previous-token score, block 0": heads.previous_token(0),
               "previous-token score, block 1": heads.previous_token(1),
               "prefix-matching score, block 0": heads.prefix_matching(0),
               "prefix-matching score, block 1": heads.prefix_matching(1)}
    means = heads.lab.mean_output(heads.outputs)
    for block in 0, 1:
        for words, by in (("its mean", means[block, 0]), ("zero", 0 * means[block, 0])):
            numbers[f"accuracy, head of block {block} at {words}"] = heads.accuracy((block, 0, by))
    return numbers


def of_one_block(heads):
    """Return the numbers of the only head of one block, and those of a guess."""
    return {"previous-token score, one block": heads.previous_token(0),
            "prefix-matching score, one block": heads.prefix_matching(0),
            "loss of a guess": heads.guess_loss()}


def key_names(tokens):
    """Return the tokens of a text as they are shown: keys are letters, values digits."""
    return ["abcdefgh"[i] if i < SYMBOLS else str(i - SYMBOLS) for i in tokens]


def draw(log):
    """Return the Figure: scores and losses over the updates, and where both heads look."""
    series = log.measured[0].series
    steps = EVERY * np.arange(1, len(series["prefix matching"]) + 1)
    last = float(steps[-1])
    scores, losses = (Plot(x, 96, 178, 130, (0, last), (0, top)) for x, top in ((40, 1), (278, 2)))
    pieces = [
        text(10, 18, "Scores of two heads", anchor="start", bold=True),
        *legend(10, ("two", "block 0: one back"), ("one", "block 1: same key")),
        scores.axes([0, last], [0, 1]),
        scores.curve(steps, series["previous token"], color="two", dash=DASH),
        scores.curve(steps, series["prefix matching"]),
        text(250, 18, "Loss", anchor="start", bold=True),
        *legend(250, ("two", "one block"), ("one", "two blocks")),
        losses.axes([0, last], [0, 1, 2]),
        losses.curve(steps, series["loss, one block"], color="two", dash=DASH),
        losses.curve(steps, series["loss, two blocks"]),
        text(10, 286, "Where each head looks", anchor="start", bold=True)]
    for block, weights in enumerate(series["weights"]):
        names = key_names(series["text"])
        pieces.append(grid(44 + 240 * block, 346, names, weights, f"block {block}"))
    title = "Induction: two heads that copy what followed the same key"
    return figure(546, title, CAPTION, *pieces)


def legend(x, *rows):
    """Return the pieces of a legend: a colour and words a row, the first one dashed."""
    return [piece for y, dash, (color, words) in zip((44, 68), (DASH, None), rows)
            for piece in (line(x, y, x + 26, y, color=color, width=2.5, dash=dash),
                          text(x + 34, y, words, anchor="start", color="muted"))]


def grid(x, y, words, weights, title):
    """Return the weights of a head as cells, a row for each token that looks."""
    pieces = [text(x, y - 38, title, anchor="start", color="muted"),
              cells(x, y, np.array(weights), CELL, CELL, digits=None, largest=1)]
    for t, word in enumerate(words):
        middle = (t + 0.5) * CELL
        pieces += [text(x - 10, y + middle, f"`{word}`", size=14),
                   text(x + middle, y - 12, f"`{word}`", size=14)]
    return "".join(pieces)


def plot(log):
    """Return the same in characters."""
    series = log.measured[0].series
    words = key_names(series["text"])
    steps = EVERY * np.arange(1, len(series["prefix matching"]) + 1)
    lines = [f"{'update':>6}  {'block 0: one back':>18}  {'block 1: same key':>18}  {'loss':>6}"]
    for i in range(0, len(steps), max(1, len(steps) // 8)):
        lines.append(f"{steps[i]:>6}  {series['previous token'][i]:>18.2f}  "
                     f"{series['prefix matching'][i]:>18.2f}  "
                     f"{series['loss, two blocks'][i]:>6.2f}")
    lines += ["", "where each head looks, a row for each token that looks: . is a weight from 0.1, "
              "o from 0.3, # from 0.6", ""]
    lines.append("  block 0" + " " * 21 + "block 1")
    lines.append("    ".join(["  " + " ".join(words)] * 2))
    for t, word in enumerate(words):
        lines.append("    ".join(
            f"{word} " + " ".join(SHADES[np.searchsorted(FROM, w, "right")] for w in weights[t])
            for weights in series["weights"]).rstrip())
    return "\n".join(lines)
