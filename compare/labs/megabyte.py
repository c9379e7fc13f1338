"""The lab megabyte: a model of patches beside a GPT that takes as many operations."""

import numpy as np

from reference import cross_entropy
from reference.gpt import Config
from reference.labs import megabyte
from reference.tools import tree
from reference.train import Schedule

from ..layers.streams import stream
from ..progress import waiting
from ..svg import Plot, figure, line, text
from .learners import LEARNERS, drawn_params
from .run import Measured

WORDS, PATCH, LENGTH = 16, 4, 64  # words of 4 bytes of 16 symbols; each begins with its own one
HABIT = 0.8                       # how often the word that a word likes comes after it
BATCH, MEASURED = 16, 256
STEPS = 200                       # in which the learning rate falls
EVERY = 10                        # updates from one point of a curve to the next
CONFIGS = {"megabyte": megabyte.Config(WORDS, LENGTH, PATCH, n_global=1, n_local=1, n_head=3,
                                       n_embd=12),
           "gpt": Config(WORDS, LENGTH, n_layer=2, n_head=3, n_embd=15)}
KINDS_OF_PATCHES = {  # by name: the model, and how many bytes of its first word a text lacks
    "megabyte": ("megabyte", 0), "GPT": ("gpt", 0),
    "megabyte, words cut": ("megabyte", PATCH // 2)}
CAPTION = (
    "Above, the loss of a byte over the updates, mean over the seeds. The dashed line is the least "
    "that the language allows. Megabyte and the GPT take as many operations a byte. Below, how far "
    "the logits of each byte move when one byte is changed, here the 22nd: those up to it "
    "not at all.")


def draw_language(rng):
    """Return the words, (16, 4), and which one each of them likes to have next, (16,)."""
    words = rng.integers(0, WORDS, (WORDS, PATCH))
    words[:, 0] = np.arange(WORDS)
    return words, rng.permutation(WORDS)


def draw_texts_of_words(rng, language, count, lacking):
    """Return texts of a language, the first few bytes of which are gone: (count, 64)."""
    words, liked = language
    chosen = rng.integers(0, WORDS, (count, LENGTH // PATCH + 1))
    keeps = rng.random(chosen.shape) < HABIT
    for i in range(1, chosen.shape[1]):
        chosen[:, i] = np.where(keeps[:, i], liked[chosen[:, i - 1]], chosen[:, i])
    return words[chosen].reshape(count, -1)[:, lacking:lacking + LENGTH]


def least_loss():
    """Return the loss of a byte that the language itself would have: the entropy of a word / 4."""
    other = (1 - HABIT) / WORDS
    likely = HABIT + other
    return float(-(likely * np.log(likely) + (WORDS - 1) * other * np.log(other)) / PATCH)


def operations(config):
    """Return how many multiplications a byte takes in the forward of a model, biases apart."""
    def of_block(width, places):  # 12 C^2 for the matrices, C T each for scores and mixing
        return 12 * width**2 + 2 * places * width

    head = config.vocab_size * config.n_embd
    if isinstance(config, Config):
        return config.n_layer * of_block(config.n_embd, config.block_size) + head
    patches = config.block_size // config.patch
    return (config.n_global * of_block(config.patch * config.n_embd, patches) // config.patch
            + config.n_local * of_block(config.n_embd, config.patch) + head)


def told_next(stem, tokens):
    """Return what a model takes and tells: of patches the bytes themselves, else the next ones."""
    return (tokens, tokens) if stem == "megabyte" else (tokens[:, :-1], tokens[:, 1:])


def loss_of_texts(learner, stem, texts):
    """Return the mean loss of a byte behind the first patch."""
    tokens, targets = told_next(stem, texts)
    logits, seen = learner.logits(tokens), LENGTH - PATCH
    return float(cross_entropy.forward(logits[:, -seen:], targets[:, -seen:])[0])


def changes(learner, texts):
    """Return how far each logit moves when byte t of text t is changed, at most: (64, 64)."""
    other = texts[:LENGTH].copy()
    each = np.arange(LENGTH)
    other[each, each] = (other[each, each] + 1) % WORDS
    return np.abs(learner.logits(other) - learner.logits(texts[:LENGTH])).max(-1)


def trained_on_words(side, seed, stem, steps, lacking):
    """Return a model that has learned texts of the seed's language, and its losses."""
    rng, config = stream(seed, "bytes"), CONFIGS[stem]
    language = draw_language(rng)
    schedule = Schedule(steps=STEPS, lr=1e-2, min_lr=1e-5, warmup=20, weight_decay=0.0)
    params = drawn_params(config, stream(seed, "start of megabyte"), stem, 0.1)
    learner, losses = LEARNERS[side](config, params, schedule, stem), []
    for _ in waiting.over(range(steps), lambda step: f"{stem}, step {step + 1} of {steps}"):
        texts = draw_texts_of_words(rng, language, BATCH, lacking)
        losses.append(learner.imitate(*told_next(stem, texts)))
    return learner, losses, draw_texts_of_words(rng, language, MEASURED, lacking)


def experiment(side, seed, *, steps):
    """Train both models on whole words, and that of patches on cut ones; measure all three."""
    numbers, losses, curves = {"least loss": least_loss()}, [], {}
    for name, (stem, lacking) in KINDS_OF_PATCHES.items():
        learner, found, texts = trained_on_words(side, seed, stem, steps, lacking)
        losses += found
        curves[name] = [np.mean(found[i:i + EVERY]) for i in range(0, steps - EVERY + 1, EVERY)]
        numbers[f"loss, {name}"] = loss_of_texts(learner, stem, texts)
        if name == "megabyte":
            moved = changes(learner, texts)                    # (64, 64), a row a changed byte
            numbers |= {"change up to the byte": float(np.tril(moved).max()),
                        "change behind the byte": float(np.triu(moved, 1).max())}
            curves["moved"] = moved[21].tolist()
            alone = texts.reshape(-1, PATCH)
            numbers["loss, each patch alone"] = float(
                cross_entropy.forward(learner.logits(alone), alone)[0])
    for name in "megabyte", "each patch alone":
        numbers |= {f"above the least, {name}": numbers[f"loss, {name}"] - least_loss(),
                    f"{name} less GPT": numbers[f"loss, {name}"] - numbers["loss, GPT"]}
    for stem, config in CONFIGS.items():
        numbers[f"operations a byte, {stem}"] = operations(config)
        numbers[f"parameters, {stem}"] = tree.count(drawn_params(
            config, stream(seed, "start of megabyte"), stem))
    series = {name: [float(f"{value:.6g}") for value in curve] for name, curve in curves.items()}
    return Measured(numbers, losses, series)


def curve_of(log, name):
    """Return a curve of the log, the mean over the seeds."""
    return np.mean([one.series[name] for one in log.measured], 0)


def draw(log):
    """Return the Figure: the losses, and what a changed byte moves."""
    steps = EVERY * (np.arange(len(curve_of(log, "GPT"))) + 1)
    last = float(steps[-1])
    loss = Plot(42, 62, 420, 160, (0, last), (0, 3))
    moved = np.array(log.measured[0].series["moved"])
    move = Plot(42, 300, 420, 110, (0, LENGTH - 1), (0, float(np.ceil(moved.max()))))
    pieces = [text(10, 16, "The loss of a byte", anchor="start", bold=True),
              loss.axes([0, last], [0, 1, 2, 3]),
              line(*loss.at(0, least_loss()), *loss.at(last, least_loss()), color="muted",
                   dash="3 3")]
    for i, (name, color) in enumerate(zip(KINDS_OF_PATCHES, ("one", "two", "three"))):
        x = (10, 134, 226)[i]
        pieces += [line(x, 44, x + 24, 44, color=color, width=2.5),
                   text(x + 30, 44, name, anchor="start", color="muted"),
                   loss.curve(steps, curve_of(log, name), color=color)]
    pieces += [text(252, 240, "updates", color="muted"),
               text(10, 276, "What moves when byte 21 is changed", anchor="start", bold=True),
               move.axes([0, 21, LENGTH - 1], [0, move.up[1]]),
               move.curve(range(LENGTH), moved)]
    return figure(440, "Megabyte: patches of bytes beside a GPT of as many operations", CAPTION,
                  *pieces)


def plot(log):
    """Return the losses in characters, the mean over the seeds."""
    rows = [f"{'update':>6}" + "".join(f"{name:>21}" for name in KINDS_OF_PATCHES)]
    curves = [curve_of(log, name) for name in KINDS_OF_PATCHES]
    for i in range(0, len(curves[0]), max(1, len(curves[0]) // 8)):
        rows.append(f"{EVERY * (i + 1):>6}" + "".join(f"{curve[i]:>21.3f}" for curve in curves))
    return "\n".join(rows)
