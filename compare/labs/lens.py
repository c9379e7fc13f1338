"""The lab lens: in a model that recalls what stands in its text, where is the answer, and when?"""

from typing import NamedTuple

import numpy as np

from reference import softmax

from ..layers.streams import stream
from ..svg import cells, figure, shown, text
from .attention_map import attention_map, room_for, token_labels
from .lenses import LENSES
from .own_words import KEY, shade
from .recall import PAIRS, SYMBOLS, draw_texts, learners_over, untrained_model
from .run import Measured

COUNT = 128          # prompts
ASKED = 2 * PAIRS - 1  # tokens of a prompt: it ends with a key, whose value is asked for
NAMES = "abcdefgh12345678"  # of the tokens: keys, then values
CELL, STEP, ROW = 18, 37, 30  # of the attention, of the patches, across and down


class Prompts(NamedTuple):
    """Prompts that end with a key which came once before, and others without that key there."""

    tokens: np.ndarray  # (N, ASKED)
    others: np.ndarray  # (N, ASKED), the same but for one token
    places: np.ndarray  # (N,), of that token: the key; the value is at the next
    answers: np.ndarray  # (N,), that value
    rivals: np.ndarray  # (N,), another value of the text


def draw_prompts(rng, count):
    """Return so many Prompts, drawn from the generator."""
    rows = []
    while len(rows) < count:
        tokens = draw_texts(rng, 1).tokens[0, :ASKED]
        keys, values = tokens[::2], tokens[1::2]
        before = np.flatnonzero(keys[:-1] == keys[-1])
        others = values[values != values[before[0]]] if len(before) == 1 else []
        if len(others) and before[0] < PAIRS - 2:  # so that a pair lies between it and the end
            place = 2 * before[0]
            changed = tokens.copy()
            changed[place] = rng.choice(np.setdiff1d(np.arange(SYMBOLS), keys))
            rows.append((tokens, changed, place, tokens[place + 1], rng.choice(others)))
    return Prompts(*map(np.array, zip(*rows)))


def experiment(side, seed, *, steps):
    """Train the model that recalls, look into it, and into the one that it was before."""
    losses = []
    for learner, loss in learners_over(side, seed, steps):
        losses.append(loss)
    config, start = untrained_model(seed)
    prompts = draw_prompts(stream(seed, "prompts of lens"), COUNT)
    trained, untrained = (LENSES[side](config, params) for params in (learner.params, start))
    numbers = numbers_of_lens(trained, prompts)
    control = "patched value before block 1"
    numbers[f"{control}, untrained"] = numbers_of_lens(untrained, prompts)[control]
    return Measured(numbers, losses, shown_prompt(trained, prompts))


def numbers_of_lens(lens, prompts):
    """Return what a model shows over all prompts, by name: means over them."""
    tokens, others, places, answers, rivals = prompts
    rows, last = np.arange(len(tokens)), ASKED - 1
    seen, other = lens.see(tokens), lens.see(others)

    def gap(logits):
        logits = np.asarray(logits)[:, -1]                                   # (N, V)
        return float(np.mean(logits[rows, answers] - logits[rows, rivals]))

    numbers = {"right": float(np.mean(np.asarray(seen.logits)[:, -1].argmax(-1) == answers))}
    for name, x in zip(("embedded", "after block 0", "after block 1"), seen.stream):
        chances = softmax.forward(np.asarray(lens.logits(x))[:, -1])[0]     # (N, V)
        numbers[f"log-probability {name}"] = float(np.mean(np.log(chances[rows, answers])))
    clean, corrupted = gap(seen.logits), gap(other.logits)
    numbers |= {"difference of the logits": clean, "without the key": corrupted}
    numbers |= shares_of_heads(lens, seen, prompts, clean)
    for name, place, before in (("key", places, 0), ("key", places, 1), ("value", places + 1, 1),
                                ("next", places + 2, 1), ("last", last, 1)):
        patched = gap(lens.patch(others, seen, place, before))
        numbers[f"patched {name} before block {before}"] = lens.recovery(patched, clean, corrupted)
    return numbers


def shares_of_heads(lens, seen, prompts, clean):
    """Return each head's share of the difference of the logits, and how far all parts are from the
    logit: as they are taken apart, and where each part is normalized by itself."""
    rows, last = np.arange(len(prompts.tokens)), ASKED - 1
    targets = np.repeat(prompts.answers[:, None], ASKED, 1)                  # (N, ASKED)
    answers, rivals = (lens.attribute(seen, ids) for ids in (
        targets, np.repeat(prompts.rivals[:, None], ASKED, 1)))
    found = {f"share of head {l}.0": float(np.mean(np.asarray(
        answers[f"head {l}.0"] - rivals[f"head {l}.0"])[:, last])) / clean for l in (0, 1)}
    logits = np.asarray(seen.logits)[rows, last, prompts.answers]            # (N,)
    whole = sum(np.asarray(share)[:, last] for share in answers.values())
    alone = sum(np.asarray(lens.logits(part))[rows, last, prompts.answers]
                for part in seen.parts.values())
    return found | {"parts to logit": float(np.abs(whole - logits).max()),
                    "parts to logit, each normalized": float(np.abs(alone - logits).max())}


def shown_prompt(lens, prompts):
    """Return what the picture shows: the attention of one prompt, and its patches.

    It is the first of those with the most different tokens.
    """
    first = int(np.argmax([len(set(tokens)) for tokens in prompts.tokens.tolist()]))
    one = Prompts(*(part[first:first + 1] for part in prompts))
    seen, other = lens.see(one.tokens), lens.see(one.others)

    def gap(logits):
        row = np.asarray(logits)[0, -1]
        return float(row[one.answers[0]] - row[one.rivals[0]])

    restored = [[lens.recovery(gap(lens.patch(one.others, seen, t, before)), gap(seen.logits),
                               gap(other.logits)) for t in range(ASKED)] for before in (0, 1)]
    return {"tokens": one.tokens[0].tolist(), "others": one.others[0].tolist(),
            "weights": six_digits([np.asarray(w)[0, 0] for w in seen.weights]),
            "restored": six_digits(restored)}


def six_digits(numbers):
    """Return an array as lists, to 6 digits after the point."""
    return np.round(numbers, 6).tolist()


def token_names(ids):
    """Return the name of each token: a letter for a key, a digit for a value."""
    return [NAMES[i] for i in ids]


def draw(log):
    """Return the Figure: where both heads look, and what a patch at each place brings back."""
    series = log.measured[0].series
    words, others = token_names(series["tokens"]), token_names(series["others"])
    wide, high = room_for(words, CELL)
    pieces = [text(10, 18, "Where each head looks", anchor="start", bold=True)]
    for l, weights in enumerate(series["weights"]):
        x = 10 + l * (wide + 30)
        pieces += [text(x + 16, 46, f"block {l}", anchor="start", color="muted"),
                   f'<g transform="translate({x:.1f} 58)">{token_labels(words, CELL)}</g>',
                   attention_map(x, 58, words, np.array(weights), CELL)]
    top = 58 + high + 40
    pieces += [text(10, top, "What one place of the stream brings back", anchor="start", bold=True),
               patch_map(68, top + 60, words, others, np.array(series["restored"]))]
    key = next(t for t, (a, b) in enumerate(zip(words, others)) if a != b)
    return figure(
        top + 136, "Lens: two heads that recall, and where the answer passes",
        f"Keys are letters, values digits; after the last key, {words[-1]}, the model says "
        f"{words[key + 1]}. Above: a row shows where its token looks. In block 0 a value looks at "
        "its key, one back; in block 1 the last key looks at the value that follows the same key. "
        "Below: how much of the answer the stream of this text, put in at one place before one "
        f"block, brings back where {others[key]} stands for the first {words[key]}.", *pieces)


def patch_map(x, y, words, others, restored):
    """Return the map of what each place brings back (2, T), the tokens above."""
    pieces = [cells(x, y, restored, STEP, ROW, largest=1, digits=None)]
    for (l, t), share in np.ndenumerate(restored):
        if abs(share) >= 0.05:
            pieces.append(text(x + (t + 0.5) * STEP, y + (l + 0.5) * ROW, f"`{shown(share, 1)}`"))
    for t, (ours, theirs) in enumerate(zip(words, others)):
        middle = x + (t + 0.5) * STEP
        pieces.append(text(middle, y - 34, ours, code=True))
        if ours != theirs:
            pieces.append(text(middle, y - 14, f"for {theirs}", color="three"))
    pieces += [text(x - 6, y + (l + 0.5) * ROW, f"block {l}", anchor="end", color="muted")
               for l in range(len(restored))]
    return "".join(pieces)


def plot(log):
    """Return the same in characters."""
    series = log.measured[0].series
    words, others = token_names(series["tokens"]), token_names(series["others"])
    lines = [KEY, "",
             f"  {'block 0':<{2 * ASKED + 6}}block 1",
             "    ".join([f"  {' '.join(words)} "] * 2).rstrip()]
    for t, word in enumerate(words):
        rows = [f"{word} " + "".join(f"{shade(w)} " for w in weights[t][:t + 1])
                for weights in series["weights"]]
        lines.append("    ".join(row.ljust(2 * ASKED + 2) for row in rows).rstrip())
    lines += ["", "what one place of the stream brings back, where "
              + ", ".join(f"{b} stands for the first {a}" for a, b in zip(words, others) if a != b),
              " " * 14 + "".join(f"{word:>6}" for word in words)]
    lines += [f"before block {l}" + "".join(f"{value + 0.0:>6.2f}" for value in row)
              for l, row in enumerate(np.round(series["restored"], 2))]
    return "\n".join(lines)


def own(given):
    """Look into a trained model of one's own instead; return the exit code."""
    from .own_model import look
    return look(given)
