"""A case with a student's results in place of ours before the oracles."""

import functools
import sys

import numpy as np

from . import kept
from ..checks.trial import Trial
from ..layers import both
from ..progress import waiting

ENTRIES = {"complex": 2, "central": 1}  # of each array: a difference takes 16 forwards
SLOW = 4         # every so many cases are before these two, and of a whole model
SLOWER = 12      # every so many: its forwards are dear


class RightTrial(Trial):
    """A case with the right results; what the oracles make of it is kept between calls."""

    def kept(self, what, make):
        return kept.ask(self.layer.stem, f"{what}: {self.key}", make)

    @functools.cached_property
    def theirs(self):
        return both.outcome(self.kept("torch", lambda: both.named(
            by_torch(Trial.theirs.func, self))))

    @functools.cached_property
    def noise(self):
        made = self.kept("noise", lambda: by_torch(Trial.noise.func, self))
        return {name: float(value) for name, value in made.items()}

    @functools.cache
    def complex_slopes(self, entries):
        return self.kept("complex", lambda: Trial.complex_slopes(self, entries))

    @functools.cache
    def central_slopes(self, entries):
        def make():
            slopes, doubts = Trial.central_slopes(self, entries)
            return {name: np.stack([slopes[name], doubts[name]]) for name in slopes}

        pairs = self.kept("central", make)
        return tuple({name: pair[i] for name, pair in pairs.items()} for i in range(2))


@functools.cache
def right_trial(case):
    """Return the RightTrial of a case."""
    trial = RightTrial(case.layer, case.sizes, case.seed, example=case.example)
    trial.key, trial.dy, trial.ours = case.key, case.dy, both.outcome(case.whole_truth)
    return trial


class SubmittedTrial(Trial):
    """A case with the student's results before the oracles in place of ours."""

    @property
    def theirs(self):
        """Torch's Outcome."""
        return self.right.theirs

    @property
    def noise(self):
        """How far rounding alone moves each result of torch."""
        return self.right.noise

    def complex_slopes(self, entries):
        return self.right.complex_slopes(entries)

    def central_slopes(self, entries):
        return self.right.central_slopes(entries)

    def is_sound(self):
        """Whether the right results are well-conditioned, so that a match means something."""
        return not self.right.torch()[1]

    @functools.cached_property
    def fits(self):
        """Whether all gradients have the right shapes."""
        return all(grad.shape == self.ours.gradients[name].shape
                   for name, grad in self.theirs.gradients.items())

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
    trial.dy, trial.right = case.dy, right_trial(case)
    trial.ours = both.outcome(case.whole_truth | results)  # they may lack some
    return trial
