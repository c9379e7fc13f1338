"""The lens on a trained model of one's own: what it makes of a prompt, measured on both sides."""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from reference import softmax
from reference.fast import blas
from reference.tools import tree

from ..files.whole import written_whole
from ..progress import waiting
from ..svg import standalone
from ..training import trained
from . import own_picture, own_words
from .lenses import LENSES
from .run import APART, NAMES, SIDES

PICTURE = "lens_prompt.svg"
MOST_WEIGHTS = 2**28  # of attention, that a prompt may make in all heads: 2 GB a side


class Patching(NamedTuple):
    """What the stream of a prompt brings back in the run of another."""

    words: list           # the other prompt's tokens
    rival: str            # the token that the other prompt is given
    gaps: tuple           # logit of the target less that of the rival: of the prompt, of the other
    restored: np.ndarray  # (L, T), the share of the difference of the gaps


class Sight(NamedTuple):
    """What there is to see of one prompt."""

    words: list             # its tokens, as text
    weights: np.ndarray     # (L, H, T, T)
    guesses: list           # L + 1 rows of T tokens: the likeliest next one, by the logit lens
    chances: np.ndarray     # (L + 1, T), their probabilities
    target: str             # the token that is explained, after the last one of the prompt
    logit: float            # its logit
    rise: np.ndarray        # (L + 1,), its probability there, likewise
    shares: dict            # what each part adds to the logit, by name
    patching: Patching | None


def look(given):
    """Look at a prompt in a trained model as the command line asks: print it, and draw it."""
    if given.prompt is None:
        raise ValueError("prompt is not given; allowed: a text, for a model of one's own")
    model = trained.without_spare_tokens(model_to_see(given))
    ids, other, target = prompts_of(given, model)
    check_head(given.head, model.config)
    if given.side != "numpy":
        import torch
        torch.set_num_threads(1)  # a prompt at a time: a second thread only waits
    model = model._replace(params=tree.map(lambda a: a.astype(np.float64), model.params))
    with blas.threads(1):
        found = [sight(LENSES[side](model.config, model.params), model.tokenizer, ids, other,
                       target) for side in waiting.over(SIDES[given.side], NAMES.get)]
    if (apart := sights_apart(found[0], found[-1])) > APART:
        raise FloatingPointError(f"NumPy and torch are {apart:.1e} apart; allowed: {APART:.0e}")
    who = " and ".join(NAMES[side] for side in SIDES[given.side])
    print(f"with {who}" + (f", at most {apart:.0e} apart" if len(found) > 1 else ""))
    print("\n".join(own_words.sight_lines(found[0], given.head)))
    path = Path(given.log) / PICTURE
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as file:
        file.write(standalone(own_picture.sight_svg(found[0])).encode())
    print(f"\nthe same with more heads, as a picture: {path}", flush=True)
    return 0


def model_to_see(given):
    """Return the Model of a run, or the llama of --model."""
    if given.model is None:
        return trained.of_run(given)
    for name in "out", "last":
        if getattr(given, name) not in (None, False):
            raise ValueError(f"{name} is {getattr(given, name)}; allowed: only without --model")
    return trained.of_llama(given.model)


def prompts_of(given, model):
    """Return the ids (1, T) of the prompt and of the other, and the id of the target; None each for
    what is not given.

    Raises ValueError for a text that can't be looked at.
    """
    S, heads = model.config.block_size, model.config.n_layer * model.config.n_head
    longest = min(S, math.isqrt(MOST_WEIGHTS // heads))
    if S < 2:
        raise ValueError(f"block_size of the model is {S}; allowed: at least 2, to look back")
    ids = ids_of_text("prompt", given.prompt, model)
    if not 2 <= len(ids) <= longest:
        raise ValueError(f"prompt has {own_words.tokens(len(ids))}; allowed: 2 to {longest}, or "
                         "there is nothing to look back at, or too much")
    other = target = None
    if given.other is not None:
        other = ids_of_text("other", given.other, model)
        if len(other) != len(ids):
            raise ValueError(f"other has {own_words.tokens(len(other))}; allowed: {len(ids)}, as "
                             "many as the prompt, so that each has its place there")
        if np.array_equal(ids, other):
            raise ValueError("other is the prompt itself; allowed: another text")
        other = other[None]
    if given.target is not None:
        target, *more = ids_of_text("target", given.target, model)
        if more:
            raise ValueError(f"target has {own_words.tokens(1 + len(more))}; allowed: 1")
    return ids[None], other, target


def check_head(head, config):
    """Refuse a head that the model doesn't have with a ValueError."""
    names = [f"{l}.{h}" for l, h in np.ndindex(config.n_layer, config.n_head)]
    if head not in (None, *names):
        raise ValueError(f"head is {head}; allowed: {names[0]} to {names[-1]}, block and head")


def ids_of_text(name, text, model):
    """Return the ids (T,) of one of the texts; raises ValueError for one that has none."""
    if not text:
        raise ValueError(f"{name} is empty; allowed: at least one character of the training text")
    try:
        return model.tokenizer.encode(text, specials=True)
    except ValueError as error:
        raise ValueError(str(error).replace("text holds", f"{name} holds", 1)) from None


def sight(lens, tokenizer, ids, other=None, target=None):
    """Return the Sight of a prompt (1, T), through one side's lens."""
    seen = lens.see(ids)
    logits = np.asarray(seen.logits)[0, -1]                                   # (V,)
    target = int(logits.argmax() if target is None else target)
    guesses, chances, rise = [], [], []
    for x in seen.stream:
        p = softmax.forward(np.asarray(lens.logits(x))[0])[0]                 # (T, V)
        guesses.append(token_words(tokenizer, p.argmax(-1)))
        chances.append(p.max(-1))
        rise.append(p[-1, target])
    shares = lens.attribute(seen, np.full_like(ids, target))
    return Sight(
        token_words(tokenizer, ids[0]), np.stack([np.asarray(w)[0] for w in seen.weights]),
        guesses, np.array(chances), token_words(tokenizer, [target])[0], float(logits[target]),
        np.array(rise), {name: float(share[0, -1]) for name, share in shares.items()},
        None if other is None else patching(lens, tokenizer, ids, seen, other, target))


def patching(lens, tokenizer, ids, seen, other, target):
    """Return the Patching of each place of the prompt into the other's run.

    Raises ValueError where the other prompt is given the target as well.
    """
    logits = np.asarray(lens.see(other).logits)[0, -1]                        # (V,)
    rival = int(logits.argmax())
    if rival == target:
        word = token_words(tokenizer, [target])[0]
        raise ValueError(f"other is followed by {word!r}, as the prompt is; allowed: a text that "
                         "is followed by something else, or another --target")

    def gap(logits):
        return float(logits[target] - logits[rival])

    clean, corrupted = gap(np.asarray(seen.logits)[0, -1]), gap(logits)
    restored = np.zeros((len(seen.weights), ids.shape[1]))
    first = int(np.argmax(ids != other))  # what stands before is the same in both runs
    places = [(l, t) for l, t in np.ndindex(restored.shape) if t >= first]
    for l, t in waiting.over(places, lambda place: f"block {place[0]}"):
        patched = gap(np.asarray(lens.patch(other, seen, t, l))[0, -1])
        restored[l, t] = lens.recovery(patched, clean, corrupted)
    rival = token_words(tokenizer, [rival])[0]
    return Patching(token_words(tokenizer, other[0]), rival, (clean, corrupted), restored)


def token_words(tokenizer, ids):
    """Return the text of each id; of one that is no whole character, its bytes."""
    def word(i):
        raw = tokenizer.token(i)
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return repr(raw)[2:-1]
    return [word(i) for i in ids]


def sights_apart(ours, theirs):
    """Return the largest difference between the numbers of two Sights."""
    def numbers(sight):
        parts = [sight.weights, sight.chances, sight.logit, sight.rise, [*sight.shares.values()]]
        parts += [sight.patching.gaps, sight.patching.restored] if sight.patching else []
        return np.concatenate([np.ravel(part) for part in parts])
    return float(np.abs(numbers(ours) - numbers(theirs)).max())
