"""One example of anyone's layer before the witnesses: what each gradient is held against."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from . import witnesses
from .nests import Unfit, array_of, own_stream
from .witnesses import DOUBTS, EPS

BOUND, WEAKER = 1e-11, 1e-9  # allowed, of the size: before most witnesses; before differences
ADJOINT = 1e-13              # of the sum of the terms, in which one wrong entry is a small part
ENTRIES, FEWER = 16, 4       # of each array, before the complex step; before differences
TINIEST = float(np.finfo(float).tiny)
WHOLE = 500                  # up to so many entries, the truth of a wrong gradient is known whole
NUDGE, NUDGES = 0.01, 5      # how far from a kink, relative to the array, and how often it is tried


class Testimony(NamedTuple):
    """A slope of a gradient beside what a witness says."""

    witness: str
    off: float      # the difference
    allowed: float
    size: float     # of what is compared

    @property
    def is_against(self):
        """Whether it is off by more than is allowed, or not a number."""
        return not self.off <= self.allowed


@dataclass(eq=False)
class Examined:
    """One example: gradients by name, what speaks for or against each, and what was noticed."""

    sizes: dict
    gradients: dict = field(default_factory=dict)
    evidence: dict = field(default_factory=dict)   # by name, a list of Testimony
    truth: dict = field(default_factory=dict)      # of those that are wrong, or None
    size: dict = field(default_factory=dict)       # the largest slope that was seen, by name
    kinks: list = field(default_factory=list)      # arrays that were moved off a kink
    reason: str = None                             # why the complex step is no witness, if so
    total: int = 0                                 # how many numbers went in

    def error(self, name):
        """Return how far off a gradient is, relative to its largest entry as far as it is known."""
        mine, truth = self.gradients[name], self.truth.get(name)
        if truth is not None and mine.shape == truth.shape:
            off, size = np.abs(mine - truth).max(), np.abs(truth).max()
        else:
            off = max(one.off for one in self.evidence[name])
            size = max(one.size for one in self.evidence[name])
        return float(off / max(size, TINIEST)) if off else 0.0

    def is_wrong(self, name):
        """Whether a witness speaks against a gradient."""
        return any(one.is_against for one in self.evidence.get(name, ()))


def examine(form, sizes, seed=0):
    """Return what the witnesses say of one example; raises ValueError for what can't be judged."""
    rng = own_stream(seed)
    y = first_output(form)
    dy = rng.standard_normal(y.shape)
    u = witnesses.draw_direction(form.arrays, rng)
    arrays, kinks = off_kinks(form.output, dict(form.arrays), dy, u, rng)
    reason = witnesses.why_not_analytic(form.output, arrays, dy, u)
    found = Examined(sizes, kinks=kinks, reason=reason, total=sum(a.size for a in arrays.values()))
    found.gradients = {name: checked(gradient, name, arrays) for name, gradient
                       in form.gradients(arrays, dy).items()}
    point = Point(form.output, arrays, dy, reason is None, rng)
    autograd = form.autograd(arrays, dy) if form.has_autograd else {}
    for name, gradient in found.gradients.items():
        if gradient is None:
            continue
        if gradient.shape == arrays[name].shape:
            found.evidence[name] = point.evidence(name, gradient, u[name])
            if autograd.get(name) is not None:
                found.evidence[name] += [point.beside_autograd(name, gradient, autograd[name])]
            found.size[name] = max(one.size for one in found.evidence[name])
        else:
            found.evidence[name] = [Testimony("shape", np.inf, 0.0, 1.0)]
        if found.is_wrong(name):
            found.truth[name] = point.whole(name)
    return found


def first_output(form):
    """Return y of a forward that can be judged; raises ValueError for another."""
    y = form.output(form.arrays)
    if y.dtype != np.float64:
        raise Unfit(f"forward returns {y.dtype} for float64; allowed: the dtype that came in")
    if not np.isfinite(y).all():
        raise Unfit("forward gives NaN or infinity; allowed: inputs for which it is finite")
    if not np.array_equal(y, form.output(form.arrays)):
        raise Unfit("forward isn't deterministic: on the same arguments it gives two results; "
                    "allowed: one whose masks and noise are arguments, or drawn from a fixed "
                    "seed at each call")
    return y


def checked(gradient, name, arrays):
    """Return a gradient as an array of floats, or None; raises ValueError for anything else."""
    if gradient is None:
        return None
    gradient = array_of(gradient, f"the gradient of {name}")
    if gradient.dtype.kind not in "fiub":
        raise Unfit(f"the gradient of {name} has dtype {gradient.dtype}; allowed: float64")
    return gradient.astype(float)


def off_kinks(f, arrays, dy, u, rng):
    """Return (arrays, names): arrays where f is smooth, and those that were moved for it."""
    names = []
    for _ in range(NUDGES):
        if not witnesses.kinked(f, arrays, dy, u):
            return arrays, names
        for name in arrays:
            if witnesses.kinked(f, arrays, dy, {name: u[name]}):
                names += [name] * (name not in names)
                scale = NUDGE * (np.abs(arrays[name]).max(initial=0.0) or 1.0)
                arrays = arrays | {name: arrays[name] + scale * rng.standard_normal(u[name].shape)}
    raise Unfit(f"forward isn't differentiable at any of {NUDGES} points: it has kinks or "
                "jumps in every direction; allowed: a smooth forward in float64 (arithmetic "
                "in float32 inside it looks so, too)")


@dataclass(eq=False)
class Point:
    """A function, and the arrays at which its slopes are asked for."""

    f: object
    arrays: dict
    dy: np.ndarray
    analytic: bool
    rng: np.random.Generator

    def evidence(self, name, gradient, u):
        """Return the Testimony on one gradient: along u, which is drawn, and along some axes."""
        array, entries = self.arrays[name], ENTRIES if self.analytic else FEWER
        found = [self.beside("adjoint", name, gradient, u)]
        for place in self.rng.permutation(array.size)[:entries]:
            unit = np.zeros(array.shape)
            unit.flat[place] = 1.0
            found.append(self.beside("complex", name, gradient, unit))
            if found[-1].is_against:
                break
        if self.analytic and any(one.is_against for one in found):
            found.append(self.beside_difference("central", name, gradient, u))
        return found

    def beside(self, witness, name, gradient, u):
        """Return the Testimony of the slope along u."""
        if not self.analytic:
            witness = "adjoint by differences" if witness == "adjoint" else "central"
            return self.beside_difference(witness, name, gradient, u)
        pushed = self.dy * witnesses.directional(self.f, self.arrays, {name: u})
        off = abs(float(pushed.sum() - (u * gradient).sum()))
        if witness == "adjoint":
            size = float(max(np.abs(pushed).sum(), np.abs(u * gradient).sum()))
            allowed = ADJOINT * size
        else:
            size = abs(float(pushed.sum()))
            allowed = BOUND * size
        if not off <= allowed:
            allowed = max(allowed, self.rounding(name, u))
        return Testimony(witness, off, allowed, size)

    def beside_difference(self, witness, name, gradient, u):
        """Return the Testimony of the central difference along u."""
        slope, doubt = witnesses.central_slope(self.f, self.arrays, self.dy, {name: u}, True)
        allowed = max(WEAKER * abs(slope), DOUBTS * doubt, self.least(name))
        off = abs(float(slope - (u * gradient).sum()))
        return Testimony(witness, off, float(allowed), abs(float(slope)))

    def beside_autograd(self, name, gradient, truth):
        """Return the Testimony of torch's gradient, every entry."""
        size = float(np.abs(truth).max(initial=0.0))
        off = float(np.abs(truth - gradient).max(initial=0.0))
        return Testimony("autograd", off, max(BOUND * size, self.least(name)), size)

    def rounding(self, name, u):
        """Return how far rounding alone may move the slope along u.

        It is how far the slope moves when every array moves by up to eight units in the last
        place, DOUBTS times over: the roundings of a chain of operations move its values as much.
        """
        def slope(arrays):
            return float((self.dy * witnesses.directional(self.f, arrays, {name: u})).sum())

        def nudge(array):
            return array * (1 + EPS * self.rng.integers(-8, 9, array.shape))

        here = slope(self.arrays)
        there = [slope({name: nudge(a) for name, a in self.arrays.items()}) for _ in range(4)]
        return max(self.least(name), DOUBTS * max(abs(other - here) for other in there))

    def least(self, name):
        """Return the size of a slope that is rounding: 100 eps of the output over the array, and
        8 eps of dy, since a small slope may be a difference of terms of size 1, as p - 1 is."""
        y = float(np.abs(self.dy * self.f(self.arrays)).sum())
        size = float(np.abs(self.arrays[name]).max(initial=0.0)) or 1.0
        return 100 * EPS * y / size + 8 * EPS * float(np.linalg.norm(self.dy))

    def whole(self, name):
        """Return the true gradient of an array, or None if it has too many entries."""
        array = self.arrays[name]
        if array.size > (WHOLE if self.analytic else WHOLE // 5):
            return None
        places = {other: np.arange(array.size if other == name else 0) for other in self.arrays}
        if self.analytic:
            flat = witnesses.complex_step(self.f, self.arrays, self.dy, places)[name]
        else:
            slopes, _ = witnesses.central_differences(self.f, self.arrays, self.dy, places, True)
            flat = slopes[name]
        return flat.reshape(array.shape)
