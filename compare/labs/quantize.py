"""The lab quantize: a trained model with fewer and fewer bits a weight, and adapters over it."""

import numpy as np

from reference.labs import adaptation
from reference.labs.quantize import LEVELS, bits_per_weight
from reference.tools import tree
from reference.train import Schedule

from ..files import gguf
from ..layers.streams import stream
from ..progress import waiting
from ..svg import Plot, dot, figure, text
from ..text.corpus import batches
from .adapted import ADAPTED
from .dialect import BATCH, CONFIG, Language, T, loss_on
from .learners import LEARNERS, computed
from .run import Measured

BLOCKS = {"block 16": 16, "block 64": 64, "one scale": None}
FORMATS = "Q4_0", "Q4_1", "Q8_0"
WORDS_EACH = 200                 # of a text that the losses are measured on
RANK, ADAPTED_KINDS = 4, ("int2", "int3", "NF4")
LEAST = 1e-4  # of what is lost, in the picture
COLORS = {"int4": "one", "NF4": "three", "int3": "two", "int2": "ink"}


def experiment(side, seed, *, base, steps, texts):
    """Return what one side measures from a seed."""
    return Quantizing(side, seed, base, steps, texts).measured()


class Quantizing:
    """A model of the language, texts that it has not seen, and what is lost with fewer bits."""

    def __init__(self, side, seed, base, steps, texts):
        self.side, self.seed, self.steps = side, seed, steps
        self.language = Language(seed)
        learner, self.losses = self.language.trained(side, base)
        self.params, self.numbers = learner.params, {}
        rng = stream(seed, "heard texts")
        self.heard = np.concatenate([self.language.text(rng, WORDS_EACH) for _ in range(texts)])
        self.numbers["loss, float32"] = loss_on(learner, self.heard)

    def measured(self):
        """Round in every way, and adapt what was rounded; return the Measured."""
        for kind in waiting.over(LEVELS, str):
            for words, block in BLOCKS.items():
                self.note(f"{kind}, {words}", self.with_matrices("rounded", kind=kind, block=block))
        for kind in waiting.over(FORMATS, str):
            self.note(kind, self.with_matrices("gguf_blocks", kind=kind))
        lost = {name.removeprefix("lost, "): value for name, value in self.numbers.items()}
        for kind in "int4", "int8":
            self.numbers[f"{kind}'s loss less that of NF4"] = (
                lost[f"{kind}, block 64"] - lost["NF4, block 64"])
        for kind in "int2", "int8":
            self.numbers[f"lost more with one scale, {kind}"] = (
                lost[f"{kind}, one scale"] - lost[f"{kind}, block 64"])
        weights = np.concatenate([w.ravel() for w in block_matrices(self.params).values()])
        even = stream(self.seed, "even weights").uniform(-1, 1, len(weights))
        for words, w in (("the model's", weights), ("even", even)):
            nf4, int4 = (np.square(self.exact("rounded", w, kind=kind, block=64) - w).mean()
                         for kind in ("NF4", "int4"))
            self.numbers[f"squared error of {words} weights, NF4 over int4"] = float(nf4 / int4)
        for kind in waiting.over(("float32", *ADAPTED_KINDS), "adapters over {}".format):
            self.adapt(kind)
        for kind, block in (("int4", 64), ("int4", 16), ("int2", 64)):
            self.numbers[f"bits a weight, {kind}, block {block}"] = bits_per_weight(kind, block)
        return Measured(self.numbers, self.losses, {})

    def exact(self, name, w, **options):
        """Return what the side's own module makes of a weight."""
        made, = computed(self.side, "quantize", name, w, **options)
        return made

    def with_matrices(self, name, *, kind, **options):
        """Return the parameters with every matrix of the blocks as its bits have it."""
        found = {}
        for matrix, w in block_matrices(self.params).items():
            made = self.exact(name, w, kind=kind, **options)
            found[matrix] = gguf.unpacked(made, kind).astype(float) if kind in FORMATS else made
        return tree.unwalk(self.params, dict(tree.walk(self.params)) | found)

    def note(self, name, params):
        """Note what is lost with these parameters."""
        learner = LEARNERS[self.side](CONFIG, params, self.schedule())
        self.numbers[f"lost, {name}"] = loss_on(learner, self.heard) - self.numbers["loss, float32"]

    def schedule(self):
        return Schedule(steps=self.steps, lr=5e-3, min_lr=5e-5, weight_decay=0.0,
                        warmup=min(10, self.steps - 1))

    def adapt(self, kind):
        """Train adapters over frozen weights on the texts of the language; note what it brings."""
        rounded = kind != "float32"
        frozen = self.with_matrices("rounded", kind=kind, block=64) if rounded else self.params
        adapters = adaptation.init(frozen, RANK, stream(self.seed, "adapters of quantize"))
        learner = ADAPTED[self.side](CONFIG, frozen, adapters, self.schedule())
        drawn = batches(self.language.texts, block_size=T, batch_size=BATCH,
                        rng=stream(self.seed, "places of quantize"))
        for _ in waiting.over(range(self.steps)):
            learner.imitate(*next(drawn))
        lost = loss_on(learner, self.heard) - self.numbers["loss, float32"]
        self.numbers[f"lost, {kind} with adapters"] = lost
        before = self.numbers[f"lost, {kind}, block 64"] if rounded else 0.0
        if kind in ("int2", "float32"):
            self.numbers[f"won back of what int2 lost, {kind}"] = (
                (before - lost) / self.numbers["lost, int2, block 64"])


def block_matrices(params):
    """Return what is rounded: the matrices of the blocks, by dotted name."""
    return {name: w for name, w in tree.walk(params) if name.startswith("blocks.") and w.ndim == 2}


def draw(log):
    """Return the picture: what is lost over the bits that a weight takes."""
    plot_ = Plot(68, 40, 390, 300, across=(2, 6.5), up=(0, 4.5))
    pieces = [plot_.axes(range(2, 7), ()), text(258, 382, "bits a weight, scales and all",
                                               color="muted"),
              text(6, 16, "loss above that of float32", color="muted", anchor="start")]
    for tens in range(5):
        x, y = plot_.at(2, tens)
        pieces.append(text(x - 8, y, f"{LEAST * 10**tens:g}", color="muted", anchor="end"))
    for kind, color in COLORS.items():
        for one in log.measured:
            places = [place_of_loss(one, kind, words) for words in BLOCKS]
            pieces += [plot_.curve(*zip(*places), color=color, width=1),
                       *(dot(*plot_.at(*place), color=color, radius=4) for place in places)]
    for one in log.measured:
        bits, _ = place_of_loss(one, "int2", "block 64")
        place = bits, log_height(one.numbers["lost, int2 with adapters"])
        pieces.append(text(*plot_.at(*place), "+", color="ink", bold=True, size=20))
    for i, kind in enumerate(COLORS):
        pieces += [dot(392, 58 + 19 * i, color=COLORS[kind], radius=4),
                   text(402, 58 + 19 * i, kind, anchor="start")]
    caption = ("Each line is one seed's model with one kind of levels: from the left, one scale "
               "for a whole matrix, for 64 weights and for 16. A + is int2 at 64 with adapters. "
               "What is below 0.0001, or below the loss in float32, lies at the foot.")
    return figure(400, "What fewer bits cost", caption, *pieces)


def place_of_loss(one, kind, words):
    """Return where a kind and a block stand: (bits a weight, log_height of what is lost)."""
    block = BLOCKS[words]
    bits = bits_per_weight(kind, block) if block else float(LEVELS[kind][0])
    return bits, log_height(one.numbers[f"lost, {kind}, {words}"])


def log_height(lost):
    """Return how many times ten a loss is above the least that the picture shows; 0 below it."""
    return float(np.log10(max(lost / LEAST, 1)))


def plot(log):
    """Return what the first seed loses by kind and block, in characters."""
    numbers = log.measured[0].numbers
    rows = [[f"{numbers[f'lost, {kind}, {words}']:>11.4f}" for words in BLOCKS] for kind in LEVELS]
    lines = ["lost   " + "".join(f"{words:>11}" for words in BLOCKS)]
    return "\n".join(lines + [f"{kind:<7}{''.join(row)}" for kind, row in zip(LEVELS, rows)])
