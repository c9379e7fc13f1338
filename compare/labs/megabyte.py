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

SYMBOLS, WORDS, PATCH = 16, 64, 4   # words of 4 bytes of 16 symbols; the first two tell the word
HABIT = 0.8                         # how often the word that a word likes comes after it
LONG, SHORT = 512, 16               # bytes of a text
BATCH = {LONG: 2, SHORT: 32}        # texts of an update
RATES = {"megabyte": 1e-2, "GPT": 3e-2}  # the best of 0.01, 0.02, 0.03 on long texts of seed 100
GPT_WIDTHS = {LONG: 16, SHORT: 34}  # with which a GPT takes as many operations a byte as megabyte
MEASURED = 2**14                    # bytes
STEPS = 200                         # in which the learning rate falls
EVERY = 10                          # updates from one point of a curve to the next
CHANGED = 5                         # the byte whose change is drawn
CAPTION = (
    "Above, the loss of each update, mean over the seeds. It has the first patch in it, which "
    "nothing foretells: of a short text a quarter. The dashed line is the least behind that patch. "
    "Both models take as many operations a byte. Below, how far the logits of each byte of a short "
    "text move when one byte is changed: those up to it not at all.")


def configs_of(length):
    """Return the Config of each model for texts of a length, by name."""
    return {"megabyte": megabyte.Config(SYMBOLS, length, PATCH, n_global=1, n_local=1, n_head=2,
                                        n_embd=16),
            "GPT": Config(SYMBOLS, length, n_layer=1, n_head=2, n_embd=GPT_WIDTHS[length])}


def draw_language(rng):
    """Return the words, (64, 4), and which one each of them likes to have next, (64,)."""
    words = rng.integers(0, SYMBOLS, (WORDS, PATCH))
    words[:, 0], words[:, 1] = np.divmod(np.arange(WORDS), WORDS // SYMBOLS)
    return words, rng.permutation(WORDS)


def draw_texts_of_words(rng, language, count, length):
    """Return texts of a language: (count, length)."""
    words, liked = language
    chosen = rng.integers(0, WORDS, (count, length // PATCH))
    keeps = rng.random(chosen.shape) < HABIT
    for i in range(1, chosen.shape[1]):
        chosen[:, i] = np.where(keeps[:, i], liked[chosen[:, i - 1]], chosen[:, i])
    return words[chosen].reshape(count, length)


def shuffled_patches(rng, texts):
    """Return texts with their patches in another order, the same for all of them."""
    patches = texts.reshape(len(texts), -1, PATCH)
    return rng.permutation(patches, axis=1).reshape(texts.shape)


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


def told_next(name, tokens):
    """Return what a model takes and tells: of patches the bytes themselves, else the next ones."""
    return (tokens, tokens) if name == "megabyte" else (tokens[:, :-1], tokens[:, 1:])


def loss_of_texts(learner, name, texts):
    """Return the mean loss of a byte behind the first patch."""
    tokens, targets = told_next(name, texts)
    logits = np.concatenate([learner.logits(some) for some in np.array_split(tokens, 8)])
    seen = texts.shape[1] - PATCH
    return float(cross_entropy.forward(logits[:, -seen:], targets[:, -seen:])[0])


def changes(learner, texts):
    """Return how far each logit moves when byte t of text t is changed, at most: (T, T)."""
    each = np.arange(texts.shape[1])
    texts = texts[:len(each)]
    other = texts.copy()
    other[each, each] = (other[each, each] + 1) % SYMBOLS
    return np.abs(learner.logits(other) - learner.logits(texts)).max(-1)


def trained_on_words(side, seed, name, length, steps):
    """Return a model that has learned texts of the seed's language, its losses, and new texts."""
    rng, config = stream(seed, "bytes"), configs_of(length)[name]
    language = draw_language(rng)
    schedule = Schedule(steps=STEPS, lr=RATES[name], min_lr=1e-5, warmup=20, weight_decay=0.0)
    params = drawn_params(config, stream(seed, "start of megabyte"), name.lower(), 0.1)
    learner, losses = LEARNERS[side](config, params, schedule, name.lower()), []
    for _ in waiting.over(range(steps), lambda step: f"{name}, {length} bytes, "
                                                     f"step {step + 1} of {steps}"):
        texts = draw_texts_of_words(rng, language, BATCH[length], length)
        losses.append(learner.imitate(*told_next(name, texts)))
    return learner, losses, draw_texts_of_words(rng, language, MEASURED // length, length)


def experiment(side, seed, *, steps):
    """Train both models on long texts and on short ones, and measure all four."""
    words_alone = float(np.log(WORDS)) / PATCH
    numbers, losses, curves = {"least loss": least_loss(), "loss, words alone": words_alone}, [], {}
    for length in LONG, SHORT:
        for name, config in configs_of(length).items():
            learner, found, texts = trained_on_words(side, seed, name, length, steps)
            of = f"{name}, {length} bytes"
            losses += found
            curves[of] = [np.mean(found[i:i + EVERY]) for i in range(0, steps - EVERY + 1, EVERY)]
            numbers |= {f"loss, {of}": loss_of_texts(learner, name, texts),
                        f"operations a byte, {of}": operations(config),
                        f"parameters, {of}": tree.count(learner.params)}
            if of == f"megabyte, {LONG} bytes":
                shuffled = shuffled_patches(stream(seed, "shuffled patches"), texts)
                numbers["loss, shuffled"] = loss_of_texts(learner, name, shuffled)
            if of == f"megabyte, {SHORT} bytes":
                moved = changes(learner, texts)                # (16, 16), a row a changed byte
                numbers |= {"change up to the byte": float(np.tril(moved).max()),
                            "change behind the byte": float(np.triu(moved, 1).max())}
                curves["moved"] = moved[CHANGED].tolist()
        numbers[f"megabyte less GPT, {length} bytes"] = (
            numbers[f"loss, megabyte, {length} bytes"] - numbers[f"loss, GPT, {length} bytes"])
    for name in f"megabyte, {LONG} bytes", "shuffled":
        numbers[f"above words alone, {name}"] = numbers[f"loss, {name}"] - words_alone
    series = {name: [float(f"{value:.6g}") for value in curve] for name, curve in curves.items()}
    return Measured(numbers, losses, series)


def curve_of(log, name):
    """Return a curve of the log, the mean over the seeds."""
    return np.mean([one.series[name] for one in log.measured], 0)


def draw(log):
    """Return the Figure: the losses on long and on short texts, and what a changed byte moves."""
    pieces = []
    for i, (name, color) in enumerate(zip(RATES, ("one", "two"))):
        pieces += [line(10 + 120 * i, 16, 34 + 120 * i, 16, color=color, width=2.5),
                   text(40 + 120 * i, 16, name, anchor="start", color="muted")]
    for i, length in enumerate((LONG, SHORT)):
        curves = {name: curve_of(log, f"{name}, {length} bytes") for name in RATES}
        steps = EVERY * (np.arange(len(curves["GPT"])) + 1)
        last = float(steps[-1])
        loss = Plot(42, 72 + 202 * i, 420, 140, (0, last), (0, 3))
        pieces += [text(10, 48 + 202 * i, f"The loss of a byte, texts of {length} bytes",
                        anchor="start", bold=True),
                   loss.axes([0, last], [0, 1, 2, 3]),
                   line(*loss.at(0, least_loss()), *loss.at(last, least_loss()), color="muted",
                        dash="3 3")]
        pieces += [loss.curve(steps, curves[name], color=color)
                   for name, color in zip(RATES, ("one", "two"))]
    moved = np.array(log.measured[0].series["moved"])
    move = Plot(42, 486, 420, 90, (0, SHORT - 1), (0, float(np.ceil(moved.max()))))
    pieces += [text(252, 432, "updates", color="muted"),
               text(10, 462, f"What moves when byte {CHANGED} is changed", anchor="start",
                    bold=True),
               move.axes([0, CHANGED, SHORT - 1], [0, move.up[1]]),
               move.curve(range(SHORT), moved)]
    return figure(604, "Megabyte: patches of bytes beside a GPT of as many operations", CAPTION,
                  *pieces)


def plot(log):
    """Return the losses in characters, the mean over the seeds."""
    names = [f"{name}, {length} bytes" for length in (LONG, SHORT) for name in RATES]
    rows = [f"{'update':>6}" + "".join(f"{name:>21}" for name in names)]
    curves = [curve_of(log, name) for name in names]
    for i in range(0, len(curves[0]), max(1, len(curves[0]) // 8)):
        rows.append(f"{EVERY * (i + 1):>6}" + "".join(f"{curve[i]:>21.3f}" for curve in curves))
    return "\n".join(rows)
