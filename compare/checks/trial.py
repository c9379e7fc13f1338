"""One drawn example before its oracles: torch, the complex step, the adjoint, differences."""

from functools import cached_property

import numpy as np

from . import oracles
from ..layers import both
from ..layers.streams import stream

ALLOWED = {"torch": 1e-12, "complex": 1e-13, "adjoint": 1e-12, "central": 1e-6, "float32": 1e-5}
WHOLE_MODEL = ALLOWED | {"float32": 1e-4}
ROUNDINGS = 16  # how many times the rounding of the truth an ill-conditioned result may be off
GROSS = 1e12    # units in the last place: rounding moves no result so far, here 10^6 at most


def allowed(layer, oracle):
    """Return the largest relative error that a row of the table may have before an oracle.

    "float32" is torch again, with both sides in float32; the others are in float64.
    """
    return (WHOLE_MODEL if layer.whole_model else ALLOWED)[oracle]


def floor(dtype, bound):
    """Return the size against which the errors of smaller results are measured.

    A result far below 1 is, with O(1) terms, a difference of terms much larger than itself, and
    their rounding alone, about ten units in the last place, is then more than the allowed part of
    it: so no less than 10 eps / bound, which is 0.002 for 1e-12 in float64.
    """
    return 10 * float(np.finfo(dtype).eps) / bound


def weigh(errors, noise, dtype, bound, gross=GROSS):
    """Return (errors, ill) for errors(least), where least(name) is the floor of a result.

    noise() is how far rounding alone moves each result; it is asked for only where one is above
    the bound, and not so far above, by `gross` units in the last place, that it is surely wrong.
    Relative to a raised floor, ROUNDINGS times the noise is just the bound.
    """
    lowest, surely = floor(dtype, bound), gross * float(np.finfo(dtype).eps)
    found = errors(lambda name: lowest)
    above = {name for name, error in found.items() if bound < error <= surely}
    if not above:
        return found, above
    moved = noise()
    excused = errors(lambda name: max(lowest, ROUNDINGS * moved[name] / bound))
    ill = {name for name in above if excused[name] <= bound}
    return found | {name: excused[name] for name in ill}, ill


class Trial:
    """An example that a seed draws (or that is given), in one dtype, through both implementations.

    Each oracle returns (errors, ill): the relative error by result, and the names of those that
    are ill-conditioned. A result is ill-conditioned if its error is above the bound, but within
    ROUNDINGS times what the rounding of the inputs does to torch's own (see both.rounding):
    LayerNorm at C = 1 or 2, say, where dx is a difference of terms 10^5 times its size. Its error
    is then given relative to that.
    """

    def __init__(self, layer, sizes, seed, dtype="float64", example=None):
        self.layer, self.sizes, self.seed, self.dtype = layer, sizes, seed, dtype
        self.example = (example or layer.example(sizes, seed)).astype(dtype)

    @cached_property
    def ran(self):
        """What NumPy's forward makes of the example: (y, cache)."""
        return both.forward(self.layer, self.example)

    @cached_property
    def dy(self):
        """The cotangent, drawn unless another is put here."""
        return both.cotangent_like(self.ran[0], self.seed)

    @cached_property
    def ours(self):
        """The Outcome that stands before the oracles: NumPy's, unless another is put here."""
        dy, (y, cache) = self.dy, self.ran
        del self.ran  # of a large model it is most of the memory
        return both.Outcome(y, both.backward(self.layer, self.example, dy, cache))

    @cached_property
    def theirs(self):
        """Torch's Outcome."""
        return both.run_torch(self.layer, self.sizes, self.example, self.dy)

    @cached_property
    def noise(self):
        """How far rounding alone moves each result of torch."""
        return both.rounding(
            self.layer, self.sizes, self.example, self.dy, self.theirs, self.seed)

    @property
    def bound(self):
        """The largest relative error that is allowed before torch."""
        return allowed(self.layer, "torch" if self.dtype == "float64" else self.dtype)

    def torch(self):
        """Compare the output and every entry of every gradient with torch's."""
        return weigh(lambda least: both.compare(self.ours, self.theirs, least),
                     lambda: self.noise, self.dtype, self.bound)

    def complex(self, entries):
        """Compare some entries of each gradient with the complex step."""
        places, slopes = self.places(entries), self.complex_slopes(entries)
        return weigh(lambda least: self.apart(slopes, places, least), lambda: self.noise,
                     self.dtype, allowed(self.layer, "complex"))

    def complex_slopes(self, entries):
        """Return the slopes at the places by the complex step, by array."""
        return oracles.complex_step(self.layer, self.example, self.dy, self.places(entries))

    def central(self, entries):
        """Compare some entries of each gradient with central differences.

        A result counts as ill-conditioned where neighbouring steps are as far apart as it is off,
        or where rounding moves it as far: a gradient of 0 has steps that agree on 0.
        """
        places, (slopes, doubts) = self.places(entries), self.central_slopes(entries)

        def noise():
            return {f"d {name}": max(float(doubt.max()), self.noise[f"d {name}"])
                    for name, doubt in doubts.items()}

        return weigh(lambda least: self.apart(slopes, places, least), noise,
                     self.dtype, allowed(self.layer, "central"), gross=np.inf)

    def central_slopes(self, entries):
        """Return (slopes, doubts) at the places by central differences, by array."""
        return oracles.central_differences(self.layer, self.example, self.dy, self.places(entries))

    def adjoint(self):
        """Hold all gradients together against the adjoint identity."""
        error = oracles.adjoint_error(self.layer, self.example, self.dy, self.ours.gradients,
                                      stream(self.seed, "direction"))
        return {"adjoint": error}, set()

    def places(self, entries):
        """Draw the entries of each array that an oracle looks at."""
        return oracles.draw_places(self.example, entries, stream(self.seed, "places"))

    def apart(self, slopes, places, least):
        """Return the errors of our gradients at the places, relative to their largest entry."""
        found = {}
        for name, truth in slopes.items():
            grad = self.ours.gradients[name]
            size = max(least(f"d {name}"), float(np.abs(grad).max()))
            found[f"d {name}"] = both.relative_error(grad.ravel()[places[name]], truth, size)
        return found
