"""The grader: what is right and wrong in a student's backward, and which mistake it is.

The student's functions run in a process of their own (submission.py). Their gradients are held
against the oracles, and where one is wrong, against those of every mutant: an equal one has a name.
"""

import copy
import functools
import itertools
from typing import NamedTuple

import numpy as np

from . import hints, kept
from .factors import close, factor
from .own_forward import fits_own
from ..layers import both
from ..progress import waiting
from ..mutants.known import MEANINGS
from ..mutants.make import in_one, vocabulary
from ..checks.trial import allowed
from .submitted import trial_of

SINGLE = 1e-5    # relative: float32 arithmetic inside leaves no more
SAME = 1e-8      # relative: the student's arithmetic may be another one than ours


class Finding(NamedTuple):
    """What came of one result of the student's over all cases."""

    name: str             # "output", "d x", "d weight" ...
    error: float          # the largest one, before torch
    share: float          # by how much it is off where it is wrong, relative to the larger: median
    case: object          # the smallest case that shows that it is wrong, or None
    oracles: tuple        # those that say so


class Grade(NamedTuple):
    """The verdict on a student's file."""

    findings: list
    mistakes: list    # of (names of the results, Mutant), or two Mutants at once
    hints: dict       # sentences by result, where no mutant matches
    order: dict       # whose right gradient each result is, where they are in another order
    own: dict         # by gradient whether it fits the student's own forward, if that is another
    variant: str      # what that forward is, if it is known
    changed: bool     # whether backward overwrites its arguments
    open: list        # the gradients that are None
    adjoint: float
    count: int        # of the cases

    @property
    def right(self):
        return not (self.changed or self.open) and all(
            finding.case is None for finding in self.findings)


def grade(found):
    """Return the Grade of a student's results, as `run` returns them."""
    changed = any([results.pop("changed") for _, results in found])
    still_open = {str(name) for _, results in found for name in results.pop("open", ())}
    found = [(case, {name: a for name, a in results.items() if name not in still_open})
             for case, results in found]
    own = fits_own(found)
    trials = [trial_of(case, results) for case, results in found]
    said = [trial.testimony(i) for i, trial in enumerate(
        waiting.over(trials, lambda trial: "before the oracles"))]
    names = dict.fromkeys(name for _, results in found for name in results)
    findings = [finding_of(name, found, said) for name in names]
    if findings[0].error < SINGLE:  # the reference's forward, in other arithmetic
        own = {}
    wrong = [f.name for f in findings if f.case is not None and f.name != "output"]
    sound = [(case, results) for (case, results), trial in zip(found, trials)
             if trial.is_sound()]
    adjoint = max((t.adjoint_error() for t in trials), default=0.0)
    told = told_before_own(sound, wrong, own) if own else told_of(sound, wrong)
    return Grade(findings, **told, own=own, changed=changed, open=sorted(still_open),
                 adjoint=adjoint, count=len(found))


def told_of(sound, wrong):
    """Return what is told of wrong gradients, by field of Grade."""
    order = other_order(sound, wrong)
    left, mistakes = [name for name in wrong if name not in order], []
    known = vocabulary(sound[0][0].layer.stem) if left else []
    for search in matches, alone, together:
        if left:
            looked = waiting.over(known, lambda _: "looking for the mistake")
            mistakes += search(sound, left, looked)
            left = [name for name in left if all(name not in names for names, *_ in mistakes)]
    told = {name: hints.tell(name, sound, besides=functools.partial(besides, name, sound, known))
            for name in left}
    return {"mistakes": mistakes, "hints": told, "order": order, "variant": ""}


def told_before_own(sound, wrong, own):
    """Return what is told where the forward is another than the reference's."""
    from .variants import variant_of  # torch is imported only where it is asked for

    words, truths = variant_of(sound[0][0].layer.stem, sound, alike) or ("", None)
    told = {name: hints.tell(name, sound, truths) if truths else
            ["it is not the slope of your forward"] for name in wrong if not own.get(name)}
    return {"mistakes": [], "hints": told, "order": {}, "variant": words}


def finding_of(name, found, said):
    """Return the Finding of one result over all cases; said has the errors of each, by oracle."""
    error, first, against, shares = 0.0, None, set(), []
    for (case, results), errors in zip(found, said):
        if name not in results:
            continue
        own = {oracle: by_name[name] for oracle, by_name in errors.items() if name in by_name}
        wrong = {oracle for oracle, value in own.items() if value > allowed(case.layer, oracle)}
        error, against = max(error, own["torch"]), against | wrong
        if wrong:
            first = first or case
            shares.append(share(results[name], case.truth[name]))
    return Finding(name, error, float(np.median(shares or [0.0])), first, tuple(sorted(against)))


def share(mine, truth):
    """Return the largest difference relative to the largest entry of either, in [0, 2]."""
    if mine.shape != truth.shape or not np.isfinite(mine).all():
        return np.inf
    return float(np.abs(mine - truth).max() / max(np.abs(mine).max(), np.abs(truth).max()))


def matches(found, wrong, known=None):
    """Return (names, mutant) pairs that explain the wrong gradients.

    First a mutant with all of the student's gradients, the right ones too. Failing that, several
    that are one mistake each: a mutant all of whose own wrong gradients are the student's. The
    known mutants are the vocabulary of the layer, if none are given.
    """
    mistakes, left = [], set(wrong)
    for mutant in vocabulary(found[0][0].layer.stem) if known is None else known:
        names = explained(mutant, found)
        if names == set(wrong):
            return [(wrong, mutant)]
        if names and names <= left:
            mistakes.append(([name for name in wrong if name in names], mutant))
            left -= names
    return mistakes


def is_broken(made, result):
    """Whether a mutant divides by zero, as by C - 1, where the submission does not."""
    return not np.isfinite(made).all() and bool(np.isfinite(result).all())


def alone(found, wrong, known):
    """Return (names, mutant) for single gradients that are a mutant's, whatever its others are:
    the mistake was made in one of several places."""
    mistakes, left = {}, set(wrong)
    for mutant in known:
        for name in [name for name in wrong if name in left]:
            if is_made_by(mutant, name, found):
                mistakes.setdefault(mutant, []).append(name)
                left.remove(name)
    return [(names, mutant) for mutant, names in mistakes.items()]


def is_made_by(mutant, name, found):
    """Whether a gradient is a mutant's in all cases."""
    return all((made := outcome_of(mutant, case)) is not None and alike(made[name], results[name])
               for case, results in reversed(found) if name in results)


def together(found, wrong, known):
    """Return (names, mutant, mutant) for the wrong gradients that two likely mistakes make."""
    likely = [m for m in known if m.name in MEANINGS and m.stem == found[0][0].layer.stem]
    small = found[len(found) // 2 :][:1]
    for first, second in itertools.combinations(likely, 2):
        both_made = None if first.tag == second.tag else in_one(first, second)
        names = both_made and explained(both_made, small) and explained(both_made, found)
        if names and names <= set(wrong):
            return [([name for name in wrong if name in names], first, second)]
    return []


def besides(name, found, known):
    """Return the sentence that makes a gradient so many times that of a likely mistake, or none."""
    found = [pair for pair in found if name in pair[1] and not pair[0].extreme]

    def beside(mutant, some):
        return [(case, results[name], made[name]) for case, results in some
                if (made := outcome_of(mutant, case)) is not None]

    for mutant in known:
        if mutant.name not in MEANINGS or not (last := beside(mutant, found[-1:])):
            continue
        case, _, made = last[0]
        if not alike(made, case.truth[name]) and factor(3 * last) and (
                sentence := factor(beside(mutant, found))):
            sentence = sentence.replace("the right one", "what you get", 1)
            return [f"{sentence}, when {MEANINGS[mutant.name]} ({mutant.tag})"]
    return []


def other_order(found, wrong):
    """Return whose right gradient each wrong one is, or by its shape seems to be, if each is
    another's. Where one is minus the other, as in a loss of pairs, it is the sign that is wrong.
    """
    right = [name for name in found[-1][0].truth if name != "output"]

    def takes_place_of(name, other, test):
        there = [(results[name], case.truth[other]) for case, results in found
                 if name in results and other in case.truth]
        return all(test(*pair) for pair in there) and any(truth.any() for _, truth in there)

    for test in close, lambda mine, truth: mine.shape == truth.shape:
        order = {name: other for name in wrong for other in right
                 if other != name and takes_place_of(name, other, test)
                 and not takes_place_of(name, name, test)
                 and not takes_place_of(name, name, lambda mine, truth: close(mine, -truth))}
        if order and set(order) == set(order.values()):
            return order
    return {}


def explained(mutant, found):
    """Return the wrong gradients of a mutant, if all of them are the student's, else none."""
    names, seen = set(), []
    for case, results in reversed(found):  # the large ones tell the most
        made = outcome_of(mutant, case)
        if made is None:
            return set()
        made = {name: array for name, array in made.items() if name in results}
        if 1 in case.sizes.values() and any(
                is_broken(made[name], results[name]) for name in made):
            continue
        names |= {name for name, array in made.items() if not alike(array, case.truth[name])}
        seen.append((made, results))
        if any(not alike(made[name], results[name]) for made, results in seen
               for name in names & made.keys()):
            return set()
    return names


@functools.cache
def outcome_of(mutant, case):
    """Return a mutant's gradients of a case by name, or None if it raises an error."""
    return kept.ask(case.layer.stem, f"{mutant.name}: {case.key}", lambda: run_mutant(mutant, case))


def run_mutant(mutant, case):
    """Return the same, computed."""
    names = [name for name in case.truth if name != "output"]
    dy, cache = copy.deepcopy((case.dy, case.ran[1]))  # a mutant may overwrite them
    with mutant.planted(), np.errstate(all="ignore"):
        try:
            made = both.backward(case.layer, case.example, dy, cache)
            return {name: np.asarray(made[name.removeprefix("d ")]) for name in names}
        except Exception:  # whatever the edit led to
            return None


def alike(a, b):
    """Whether two results are equal but for rounding; a NaN is equal to a NaN."""
    if a.shape != b.shape:
        return False
    with np.errstate(invalid="ignore"):  # of infinity - infinity
        apart = np.abs(a - b).max(initial=0.0)
    if np.isfinite(apart):  # nearly always, and faster than allclose
        return bool(apart <= SAME * np.abs(b).max(initial=SAME))
    size = np.abs(np.nan_to_num(b)).max(initial=SAME)
    return bool(np.allclose(a, b, rtol=0, atol=SAME * size, equal_nan=True))
