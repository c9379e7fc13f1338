"""The grader: what is right and wrong in a student's backward, and which mistake it is.

The student's functions run in a process of their own (submission.py). Their gradients are held against
the oracles, and where one is wrong, against those of every mutant: an equal one has a name.
"""

import functools
import sys
from typing import NamedTuple

import numpy as np

from . import hints, kept
from ..layers import both
from ..progress import waiting
from ..mutants.make import vocabulary
from ..checks.trial import Trial, allowed

SAME = 1e-8      # relative: the student's arithmetic may be another one than ours
ENTRIES = {"complex": 2, "central": 1}  # of each array: a difference takes 16 forwards
SLOW = 4         # every so many cases are before these two, and of a whole model
SLOWER = 12      # every so many: its forwards are dear


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
    mistakes: list    # of (names of the results, Mutant)
    hints: dict       # sentences by result, where no mutant matches
    changed: bool     # whether backward overwrites its arguments
    adjoint: float
    count: int        # of the cases

    @property
    def right(self):
        return not self.changed and all(finding.case is None for finding in self.findings)


def grade(found):
    """Return the Grade of a student's results, as `run` returns them."""
    changed = any([results.pop("changed") for _, results in found])
    trials = [trial_of(case, results) for case, results in found]
    for i, trial in enumerate(waiting.over(trials, lambda trial: "before the oracles")):
        trial.testimony(i)
    names = dict.fromkeys(name for _, results in found for name in results)
    findings = [finding_of(name, found, trials) for name in names]
    wrong = [f.name for f in findings if f.case is not None and f.name != "output"]
    sound = [(case, results) for (case, results), trial in zip(found, trials)
             if trial.is_sound()]
    mistakes = matches(sound, wrong, waiting.over(
        vocabulary(trials[0].layer.stem), lambda _: "looking for the mistake")) if wrong else []
    named = {name for names, _ in mistakes for name in names}
    told = {name: hints.tell(name, [pair for pair in sound if name in pair[1]])
            for name in wrong if name not in named}
    adjoint = max((t.adjoint_error() for t in trials), default=0.0)
    return Grade(findings, mistakes, told, changed, adjoint, len(found))


class SubmittedTrial(Trial):
    """A case with the student's results before the oracles in place of ours; what torch makes of it
    is kept between calls."""

    @functools.cached_property
    def theirs(self):
        made = kept.ask(self.layer.stem, f"torch: {self.key}", lambda: both.named(
            by_torch(Trial.theirs.func, self)))
        return both.Outcome(made["output"], {
            name.removeprefix("d "): a for name, a in made.items() if name != "output"})

    @functools.cached_property
    def noise(self):
        made = kept.ask(self.layer.stem, f"noise: {self.key}", lambda: by_torch(
            Trial.noise.func, self))
        return {name: float(value) for name, value in made.items()}

    def is_sound(self):
        """Whether the right results are well-conditioned, so that a match means something."""
        mine, self.ours = self.ours, both.run_numpy(self.layer, self.example, self.dy)
        _, ill = self.torch()
        self.ours = mine
        return not ill

    @functools.cached_property
    def fits(self):
        """Whether all gradients have the right shapes."""
        return all(grad.shape == self.ours.gradients[name].shape
                   for name, grad in self.theirs.gradients.items())

    @functools.cache
    def testimony(self, number):
        """Return the errors before each oracle; those that take an entry at a time see one in
        SLOW trials, or SLOWER."""
        said = {"torch": self.torch()[0]}
        if self.fits and number % (SLOWER if self.layer.whole_model else SLOW) == 0:
            said |= {oracle: getattr(self, oracle)(count)[0] for oracle, count in ENTRIES.items()}
        return said

    def adjoint_error(self):
        """Return how far the adjoint identity is off, infinitely if a shape doesn't fit."""
        return self.adjoint()[0]["adjoint"] if self.fits else np.inf


def by_torch(run, trial):
    """Return run(trial), which asks torch; torch is imported when it is first asked."""
    if "torch" not in sys.modules:
        with waiting.on("importing torch"):
            import torch
        torch.set_num_threads(1)  # the arrays are tiny: a second thread only waits
    return run(trial)


def trial_of(case, results):
    """Return the trial of a case, whose Outcome is the student's."""
    trial = SubmittedTrial(case.layer, case.sizes, case.seed, example=case.example)
    trial.key, results = case.key, case.whole_truth | results  # not all gradients are asked for
    trial.ours = both.Outcome(results["output"], {
        name.removeprefix("d "): array for name, array in results.items() if name != "output"})
    return trial


def finding_of(name, found, trials):
    """Return the Finding of one result over all trials."""
    layer = trials[0].layer
    error, first, against, shares = 0.0, None, set(), []
    for i, ((case, results), trial) in enumerate(zip(found, trials)):
        if name not in results:
            continue
        said = {oracle: errors[name] for oracle, errors in trial.testimony(i).items()
                if name in errors}
        wrong = {oracle for oracle, value in said.items() if value > allowed(layer, oracle)}
        error, against = max(error, said["torch"]), against | wrong
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


def explained(mutant, found):
    """Return the wrong gradients that a mutant makes, if all of them are the student's, else none."""
    names, seen = set(), []
    for case, results in reversed(found):  # the large ones tell the most
        made = outcome_of(mutant, case)
        if made is None:
            return set()
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
    example, dy = case.example.astype("float64"), case.dy.copy()  # a mutant may overwrite them
    with mutant.planted(), np.errstate(all="ignore"):
        try:
            made = both.run_numpy(case.layer, example, dy).gradients
            return {name: np.asarray(made[name.removeprefix("d ")]) for name in names}
        except Exception:  # whatever the edit led to
            return None


def alike(a, b):
    """Whether two results are equal but for rounding; a NaN is equal to a NaN."""
    if a.shape != b.shape:
        return False
    size = max(float(np.abs(np.nan_to_num(b)).max(initial=0.0)), SAME)
    return bool(np.allclose(a, b, rtol=0, atol=SAME * size, equal_nan=True))
