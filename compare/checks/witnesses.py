"""What knows a gradient without its backward: complex step, adjoint test, differences.

Each takes f(arrays) -> y, arrays by name, and looks at J u, by how much y moves along a direction
u, also arrays by name; an array that is absent from u stays. The first two run f in complex128 on
x + i h u. For an analytic f the imaginary part of f(x + i h u) is h J u + O(h^3), and nothing is
subtracted: with h = 1e-30 the error is rounding alone.
Source: Squire, Trapp, "Using Complex Variables to Estimate Derivatives of Real Functions" (1998).
"""

import warnings

import numpy as np

STEP = 1e-30
STEPS = [10.0**-k for k in range(2, 10)]  # of central differences, from large to small
TINY = 1e-3  # terms are O(1): the size below which a sum of them is measured as if it had this one
AGREE, DOUBTS = 1e-6, 16  # a complex step may be so far from a difference, or so many doubts
EPS = float(np.finfo(float).eps)


def complex_step(f, arrays, dy, places, step=STEP):
    """Return the gradient of sum(dy * y) at the places of each array, by its name."""
    def slope(direction):
        return (dy * directional(f, arrays, direction, step)).sum()
    return along_axes(arrays, places, slope)


def central_differences(f, arrays, dy, places, extrapolated=False):
    """Return the same slopes from real values alone, and by how much each may be off, by name."""
    found = along_axes(arrays, places, lambda u: central_slope(f, arrays, dy, u, extrapolated))
    return ({name: pairs.reshape(-1, 2)[:, 0] for name, pairs in found.items()},
            {name: pairs.reshape(-1, 2)[:, 1] for name, pairs in found.items()})


def central_slope(f, arrays, dy, direction, extrapolated=False):
    """Return (slope, doubt): the slope of sum(dy * y) along u, and by how much it may be off.

    It is (f(x + h u) - f(x - h u)) / 2h at the best step. A large step is off by terms of h^2, a
    small one by rounding over h; between them successive steps agree best, which shows the best
    one without knowing the slope. How far its neighbours are from it shows how good it is.
    Extrapolated: of two successive steps such a sum is taken that their errors of h^2 cancel.
    """
    found = np.array([difference(f, arrays, dy, direction, h) for h in STEPS])
    if extrapolated:
        found = (100 * found[1:] - found[:-1]) / 99
    apart = np.abs(np.diff(found))
    best = 1 + apart[1:].argmin()
    return found[best], apart[best - 1 : best + 1].max()


def difference(f, arrays, dy, direction, step):
    """Return (f(x + h u) - f(x - h u)) / 2h for f = sum(dy * y)."""
    above, below = (f(moved(arrays, direction, h)) for h in (step, -step))
    return (dy * (above - below)).sum() / (2 * step)


def adjoint_error(f, arrays, dy, gradients, rng):
    """Return |<J u, dy> - <u, J^T dy>| relative to the terms of the larger side, for a drawn u.

    J u is one complex step along u over all arrays at once, so that the cost does not grow with
    their number; J^T dy are the gradients.
    """
    u = draw_direction(arrays, rng)
    pushed = dy * directional(f, arrays, u)
    pulled = [(u[name] * gradients[name]).ravel() for name in u]
    pulled = np.concatenate(pulled) if pulled else np.zeros(1)
    size = max(np.abs(pushed).sum(), np.abs(pulled).sum(), TINY)
    return float(abs(pushed.sum() - pulled.sum()) / size)


def directional(f, arrays, direction, step=STEP):
    """Return J u, of the shape of y."""
    arrays = {name: array.astype("complex128") for name, array in arrays.items()}
    return np.imag(f(moved(arrays, direction, 1j * step))) / step


def moved(arrays, direction, step):
    """Return the arrays at x + step * u."""
    return {name: array + step * direction[name] if name in direction else array
            for name, array in arrays.items()}


def along_axes(arrays, places, slope):
    """Return slope(u) for the unit vector u of each place, as an array by name."""
    def unit(name, place):
        u = np.zeros(arrays[name].shape)
        u.flat[place] = 1.0
        return {name: u}

    return {name: np.array([slope(unit(name, place)) for place in places[name]])
            for name in arrays}


def draw_direction(arrays, rng):
    """Return a normal direction through all arrays."""
    return {name: rng.standard_normal(array.shape) for name, array in arrays.items()}


def draw_entries(arrays, count, rng):
    """Return flat indices of at most `count` entries of each array."""
    return {name: rng.permutation(array.size)[:count] for name, array in arrays.items()}


def why_not_analytic(f, arrays, dy, direction):
    """Return why the complex step can't be trusted for f, in words, or None if it can.

    It is tried: abs, a maximum or a cast can lose the imaginary part without an error, so the
    slope along u is compared with the central difference.
    """
    slope, doubt = central_slope(f, arrays, dy, direction, True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy's, of an imaginary part that is let go
            pushed = dy * directional(f, arrays, direction)
    except Exception as error:  # whatever f does not take
        words = str(error).splitlines()[0] if str(error) else ""
        return f"forward raises {type(error).__name__} on complex numbers ({words[:80]})"
    if not np.isfinite(pushed).all():
        return "forward gives NaN or infinity on complex numbers"
    if not pushed.any() and abs(slope) > DOUBTS * doubt:
        return "forward loses the imaginary part"
    if abs(pushed.sum() - slope) > max(AGREE * np.abs(pushed).sum(), DOUBTS * doubt):
        return "forward isn't analytic: its complex step isn't its slope"
    return None


def kinked(f, arrays, dy, direction):
    """Whether the slopes of f from the left and from the right differ, at x or within 1e-6 of it.

    They are apart by h f'' where f is smooth, so a hundred times less for a step a hundredth as
    long; at a kink they stay apart, and at a jump that grows.
    """
    middle = f(arrays)

    def apart(step):
        above, below = (f(moved(arrays, direction, h)) for h in (step, -step))
        return float(np.abs(dy * (above - 2 * middle + below)).sum()) / step

    near, rounding = apart(1e-6), 4 * EPS * float(np.abs(dy * middle).sum()) / 1e-6
    return bool(near > 100 * rounding and apart(1e-4) < 10 * near)
