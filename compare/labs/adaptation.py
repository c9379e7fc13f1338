"""The lab adaptation: a trained model learns from the beginning of a text, and is tested on the
rest."""

from reference.labs import adaptation
from reference.tools import tree
from reference.train import Schedule

from ..layers.streams import stream
from ..progress import waiting
from ..svg import Plot, figure, line, text
from ..text.corpus import batches
from .adapted import ADAPTED
from .dialect import BATCH, CONFIG, Language, T, loss_on
from .learners import LEARNERS
from .run import Measured

WORDS, READ, TESTED = 1600, 4000, 2048  # of each text: words, letters to adapt to and to test on
RANKS = {"rank 1": 1, "rank 4": 4, "rank 16": 16, "all weights": None}
RATES = {True: 5e-3, False: 3e-3}  # the first learning rate, of adapters and of weights
EVERY = 10                         # updates from one point of a curve to the next
COLORS = {"rank 1": "two", "rank 4": "one", "rank 16": "three", "all weights": "ink"}


def experiment(side, seed, *, base, steps):
    """Return what one side measures from a seed."""
    return Adapting(side, seed, base, steps).measured()


class Adapting:
    """A model of the language, two new texts, and what came of adapting to them."""

    def __init__(self, side, seed, base, steps):
        self.side, self.seed, self.steps = side, seed, steps
        language = Language(seed)
        self.model, self.losses = language.trained(side, base)
        self.frozen = self.model.params
        self.text, self.other = (language.text(stream(seed, name), WORDS)
                                 for name in ("text to adapt to", "another text"))
        self.numbers, self.series = {}, {}

    def measured(self):
        """Adapt in every way; return the Measured."""
        before = self.test(self.model, "not adapted")
        for name, rank in waiting.over(RANKS.items(), lambda item: item[0]):
            learner = self.adapted(self.text[:READ], rank, name)
            self.numbers[f"lowered, {name}"] = before - self.test(learner, name)
            self.numbers[f"numbers learned, {name}"] = tree.count(learner.params)
        scrambled = stream(self.seed, "scrambling").permutation(self.text[:READ])
        for name, ids in (("scrambled text", scrambled), ("another text", self.other[:READ])):
            learner = self.adapted(ids, 4, name)
            self.numbers[f"lowered, {name}"] = before - self.test(learner, name)
        for name in "rank 1", "rank 16":
            self.numbers[f"share of what all weights gain, {name}"] = (
                self.numbers[f"lowered, {name}"] / self.numbers["lowered, all weights"])
        for name in "rank 4", "another text":
            self.numbers[f"raised elsewhere, {name}"] = (
                self.numbers[f"elsewhere, {name}"] - self.numbers["elsewhere, not adapted"])
        return Measured(self.numbers, self.losses, self.series)

    def test(self, learner, name):
        """Note the loss on the rest of the text and on that of the other; return the first."""
        loss, elsewhere = (loss_on(learner, ids[READ:READ + TESTED])
                           for ids in (self.text, self.other))
        self.numbers |= {f"loss, {name}": loss, f"elsewhere, {name}": elsewhere}
        return loss

    def learner(self, rank):
        """Return a learner that begins as the trained model: with adapters, or with no rank."""
        rate = RATES[rank is not None]
        schedule = Schedule(steps=self.steps, lr=rate, min_lr=rate / 100, weight_decay=0.0,
                            warmup=min(10, self.steps - 1))
        if rank is None:
            return LEARNERS[self.side](CONFIG, self.frozen, schedule)
        adapters = adaptation.init(self.frozen, rank, stream(self.seed, "adapters"))
        return ADAPTED[self.side](CONFIG, self.frozen, adapters, schedule)

    def adapted(self, ids, rank, name):
        """Return a learner that has adapted to ids, and note its losses and its curve."""
        learner = self.learner(rank)
        drawn = batches(ids, block_size=T, batch_size=BATCH,
                        rng=stream(self.seed, "places to adapt at"))
        losses, curve = [], [self.numbers["loss, not adapted"]]
        for step in waiting.over(range(1, self.steps + 1)):
            losses.append(learner.imitate(*next(drawn)))
            if step % EVERY == 0:
                curve.append(loss_on(learner, self.text[READ:READ + TESTED]))
        self.series[name] = [float(f"{value:.6g}") for value in curve]
        if name == "rank 4":
            self.losses += losses
        return learner


def draw(log):
    """Return the picture: the loss on the rest of the text while the first seed's model adapts."""
    one, steps = log.measured[0], log.settings["steps"]
    low, high = 0.8, 1.8
    plot_ = Plot(48, 40, 316, 300, across=(0, steps), up=(low, high))
    marks = [low + 0.2 * i for i in range(6)]
    pieces = [plot_.axes(range(0, steps + 1, max(steps // 4, 1)), ()), plot_.axes((), marks, 1),
              text(206, 382, "updates", color="muted"),
              text(10, 16, "loss on the rest of the text", color="muted", anchor="start"),
              line(*plot_.at(0, one.series["rank 1"][0]), *plot_.at(steps, one.series["rank 1"][0]),
                   color="muted", width=1, dash="2 4")]
    heights = []
    for name in [*COLORS, "another text"]:
        curve, color = one.series[name], COLORS.get(name, "muted")
        dash = None if name in COLORS else "6 4"
        pieces.append(plot_.curve([EVERY * i for i in range(len(curve))], curve, color=color,
                                  dash=dash))
        heights.append((curve[-1], name, color))
    y = -20.0
    for value, name, color in sorted(heights, reverse=True):  # labels, none on another
        y = max(plot_.at(0, value)[1], y + 19)
        pieces.append(text(372, y, name, color=color, anchor="start"))
    caption = ("Four ways to adapt to the beginning of a text, of the first seed, and, dashed, "
               "rank 4 adapted to another text. The dots are the model as it was. Adapted to the "
               "same letters in a drawn order, the loss is far above the picture.")
    return figure(400, "Adapting to a text", caption, *pieces)


def plot(log):
    """Return the losses of the first seed, in characters."""
    numbers = log.measured[0].numbers
    names = ["not adapted", *RANKS, "another text", "scrambled text"]
    return "\n".join(f"{name:>14} |{'#' * round(20 * numbers[f'loss, {name}'])} "
                     f"{numbers[f'loss, {name}']:.3f}" for name in names)
