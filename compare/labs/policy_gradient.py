"""The lab policy_gradient: sums learned from demonstrations that err, and from a verifier."""

import math
from functools import partial
from typing import NamedTuple

import numpy as np

from reference import gpt
from reference.train import Schedule

from ..layers.streams import stream
from ..progress import waiting
from ..svg import Plot, figure, line, text
from .learners import LEARNERS, computed, drawn_params
from .run import Measured

STEM = "policy_gradient"
SYMBOLS = "0123456789+="
FORGETS = 0.7    # how often a demonstration leaves out the carry
PERFECT = 0.685  # 45 of the 100 sums have a carry: 1 - 0.45 FORGETS
CONFIG = gpt.Config(len(SYMBOLS), 5, 1, 4, 32)  # of "7+8=15" the model reads all but the last
DEVIATION = 0.1  # of the initial values
BATCH, WARMUP = 64, 20
RATES = 2e-3, 1e-4  # of a run: it falls from the one to the other
PROMPTS = 16     # a sampling
ENUMERATED = 8   # answers in a group, of which all groups are gone through
EVERY = 10       # samplings from one point of a curve to the next
A, B = np.divmod(np.arange(100), 10)
ASKED = np.stack([A, np.full(100, 10), B, np.full(100, 11)], 1)     # (100, 4)  "7+8="
RIGHT = np.stack(np.divmod(A + B, 10), 1)                           # (100, 2)  "15"
FORGOTTEN = np.stack([0 * A, (A + B) % 10], 1)                      # (100, 2)  "05"


class Trained(NamedTuple):
    """What became of a learner."""

    sampled: float  # the probability of the right answer, a mean over the 100 sums
    greedy: float   # the share of the sums whose likeliest answer is right
    losses: list
    curve: list     # of sampled, along the updates


def is_right(prompt, answer):
    """The verifier: 1 for the right sum in two digits, 0 for any other answer."""
    a, b = prompt.rstrip("=").split("+")
    return float(answer == f"{int(a) + int(b):02d}")


def rewards_of(verifier, prompts, answers):
    """Return what a verifier gives for each answer, texts both: an array (N,).

    Raises ValueError where it raises, or gives no finite number.
    """
    rewards = []
    for prompt, answer in zip(prompts, answers):
        try:
            rewards.append(float(verifier(prompt, answer)))
            wrong = None if math.isfinite(rewards[-1]) else f"gives {rewards[-1]}"
        except Exception as error:  # whatever a verifier of someone's own may raise
            wrong = f"raises {type(error).__name__}: {error}"
        if wrong:
            raise ValueError(f"the verifier {wrong} for the answer {answer!r} to {prompt!r}; "
                             "allowed: a finite number")
    return np.array(rewards)


def texts(ids):
    """Return each row of ids as a text."""
    return ["".join(SYMBOLS[i] for i in row) for row in ids]


def as_learned(prompts, answers):
    """Return prompts with answers as a model learns them: tokens, the next ones, which count."""
    whole = np.concatenate([prompts, answers], 1)                   # (N, 6)
    counted = np.zeros(whole[:, 1:].shape, bool)                    # (N, 5)
    counted[:, -answers.shape[1]:] = True
    return np.ascontiguousarray(whole[:, :-1]), np.ascontiguousarray(whole[:, 1:]), counted


def score(side, learner):
    """Return how well a learner adds: sampled and greedy, as in Trained."""
    tokens, right, counted = as_learned(ASKED, RIGHT)
    found = computed(side, STEM, "success", learner.logits(tokens), right, counted)
    return tuple(map(float, found))


def falling_rate(steps):
    """Return the Schedule of a run."""
    lr, min_lr = RATES
    return Schedule(steps=steps, lr=lr, min_lr=min_lr, warmup=WARMUP, weight_decay=0.0)


def imitate(side, params, rng, steps):
    """Return a learner and its Trained after updates on demonstrations."""
    learner = LEARNERS[side](CONFIG, params, falling_rate(steps))
    losses, curve = [], [score(side, learner)[0]]
    for step in waiting.over(range(steps)):
        i = rng.integers(0, 100, BATCH)
        forgets = rng.random((BATCH, 1)) < FORGETS
        tokens, targets, counted = as_learned(ASKED[i], np.where(forgets, FORGOTTEN[i], RIGHT[i]))
        losses.append(learner.imitate(tokens, np.where(counted, targets, -100)))
        if (step + 1) % (2 * EVERY) == 0:
            curve.append(score(side, learner)[0])
    return learner, Trained(*score(side, learner), losses, curve)


def answer_prompts(side, learner, rng, group):
    """Return as many answers to each of some prompts as a group has, as as_learned gives them, the
    rewarded texts, and the answers' log-probabilities: a tuple, two lists, (N,).
    """
    prompts = ASKED[rng.integers(0, 100, PROMPTS)]                  # (P, 4)
    uniforms = rng.random((2, PROMPTS * group))                     # (2, N), N = P G
    logits = np.repeat(learner.logits(prompts)[:, -1], group, 0)    # (N, V)
    first, = computed(side, STEM, "picked", logits, uniforms[0])
    prompts = np.repeat(prompts, group, 0)                          # (N, 4)
    logits = learner.logits(np.concatenate([prompts, first[:, None]], 1))  # (N, 5, V)
    second, = computed(side, STEM, "picked", logits[:, -1], uniforms[1])
    answers = np.stack([first, second], 1)                          # (N, 2)
    batch = as_learned(prompts, answers)
    logp, = computed(side, STEM, "answer_logp", logits, *batch[1:])
    return batch, texts(prompts), texts(answers), logp


def reinforce(side, params, rng, samplings, *, group, kind, inner=1, epsilon=0.2,
              verifier=is_right):
    """Return the Trained of a learner after `inner` updates on each of some samplings."""
    learner = LEARNERS[side](CONFIG, params, falling_rate(inner * samplings))
    losses, curve = [], [score(side, learner)[0]]
    for index in waiting.over(range(samplings)):
        batch, prompts, answers, old_logp = answer_prompts(side, learner, rng, group)
        rewards = rewards_of(verifier, prompts, answers).reshape(-1, group)
        advantages, = computed(side, STEM, "advantages", rewards, kind=kind)
        losses += [learner.learn(STEM, *batch, old_logp, advantages.ravel(), epsilon=epsilon)
                   for _ in range(inner)]
        if (index + 1) % EVERY == 0:
            curve.append(score(side, learner)[0])
    return Trained(*score(side, learner), losses, curve)


def experiment(side, seed, *, imitation, updates, group, epsilon):
    """Return what one side measures from one seed."""
    params = drawn_params(CONFIG, stream(seed, "initial values"), std=DEVIATION)
    base, imitated = imitate(side, params, stream(seed, "demonstrations"), imitation)
    start = base.params
    runs = {"imitation": imitated}
    more = stream(seed, "more demonstrations")
    _, runs["more imitation"] = imitate(side, start, more, 2 * updates)
    coin = stream(seed, "coins")
    sampled = partial(reinforce, side, start, samplings=updates, group=group)
    for name, options in {
            "GRPO": dict(kind="scaled", inner=2, epsilon=epsilon),
            "random reward": dict(kind="scaled", inner=2, epsilon=epsilon,
                                  verifier=lambda *_: coin.random() < 0.5),
            "REINFORCE": dict(kind="reward"),
            "REINFORCE, group mean": dict(kind="mean")}.items():
        runs[name] = sampled(rng=stream(seed, "answers"), **options)
    numbers = {f"{name}: {word}": getattr(run, word)
               for name, run in runs.items() for word in ("sampled", "greedy")}
    return Measured(numbers | enumerated(side, stream(seed, "three answers")),
                    [loss for run in runs.values() for loss in run.losses],
                    {name: [round(value, 3) for value in run.curve] for name, run in runs.items()})


def enumerated(side, rng):
    """Return what groups say of the gradient in the mean, for three answers of drawn probabilities
    and rewards: the share of it that they keep, and by how many degrees they turn it."""
    probs, rewards = rng.dirichlet(np.ones(3)), rng.random(3)
    truth, = computed(side, STEM, "true_gradient", probs, rewards)
    numbers = {}
    for kind in "mean", "others", "scaled":
        found, = computed(side, STEM, "mean_estimate", probs, rewards, size=ENUMERATED, kind=kind)
        numbers[f"share of the gradient, {kind}"] = float(found @ truth / (truth @ truth))
        across = np.linalg.norm(found - found @ truth / (truth @ truth) * truth)
        numbers[f"degrees off the gradient, {kind}"] = math.degrees(
            math.atan2(across, found @ truth / np.linalg.norm(truth)))
    return numbers


SHOWN = {  # the colour of a run, and its dashes
    "GRPO": ("one", None), "REINFORCE": ("three", None), "more imitation": ("two", None),
    "random reward": ("muted", "4 4")}


def draw(log):
    """Return the Figure: the probability of the right answer along the updates, of each seed."""
    plot_of = Plot(70, 40, 380, 230, (0, 1), (0, 1))
    level = plot_of.at(0, PERFECT)[1]
    pieces = [plot_of.axes([], [0, 0.5, 1], 1), line(65, level, 450, level, color="muted"),
              text(61, level, str(PERFECT), color="muted", anchor="end"),
              text(70, 20, "probability of the right answer", anchor="start"),
              text(260, 287, "from the first update of a run to its last")]
    for place, (name, (color, dash)) in enumerate(SHOWN.items()):
        for one in log.measured:
            values = one.series[name]
            pieces.append(plot_of.curve(np.linspace(0, 1, len(values)), values, color=color,
                                        width=2, dash=dash))
        x, y = 70 + 200 * (place % 2), 315 + 26 * (place // 2)
        pieces += [line(x, y, x + 30, y, color=color, width=3, dash=dash),
                   text(x + 40, y, name, anchor="start")]
    return figure(360, "A verifier's reward leads past the demonstrations",
                  f"How probable the right answer is, a mean over 100 sums; a line a seed. Perfect "
                  f"imitation of the demonstrations ends at {PERFECT}. GRPO and REINFORCE pass it.",
                  *pieces)


def plot(log):
    """Return the same in characters: a line a run, of the first seed, from 0 to 9 tenths."""
    lines = ["the probability of the right answer along the run, in tenths, seed 0"]
    for name, values in log.measured[0].series.items():
        digits = "".join(str(min(int(10 * value), 9)) for value in values)
        lines.append(f"{name:>22}  {digits}  {values[-1]:.2f}")
    return "\n".join(lines)
