"""The witnesses on plain functions whose slopes are known, and on those that they can't take."""

import numpy as np
import pytest

from compare.checks import witnesses


def cubes(arrays):
    return arrays["x"] ** 3 * arrays["w"]


X = {"x": np.array([0.5, -1.5, 2.0]), "w": np.array([1.0, -2.0, 0.5])}
DY = np.array([0.7, -1.1, 0.4])
SLOPES = {"x": DY * 3 * X["x"] ** 2 * X["w"], "w": DY * X["x"] ** 3}
PLACES = {"x": [2, 0], "w": [1]}


def test_the_slopes_of_a_plain_function():
    central, doubts = witnesses.central_differences(cubes, X, DY, PLACES)
    for name, found in witnesses.complex_step(cubes, X, DY, PLACES).items():
        truth = SLOPES[name][PLACES[name]]
        np.testing.assert_allclose(found, truth, rtol=1e-15)
        assert (np.abs(central[name] - truth) <= witnesses.DOUBTS * doubts[name]).all()
    assert witnesses.adjoint_error(cubes, X, DY, SLOPES, np.random.default_rng(0)) < 1e-15
    wrong = SLOPES | {"w": SLOPES["w"] * (1 + 1e-6)}
    assert witnesses.adjoint_error(cubes, X, DY, wrong, np.random.default_rng(0)) > 1e-8


@pytest.mark.parametrize("seed", range(5))
def test_an_extrapolated_difference_knows_how_far_it_is_off(seed):
    x = np.random.default_rng(seed).standard_normal(4)
    u, truth = {"x": np.ones(4)}, np.exp(np.sin(3 * x)) * np.cos(3 * x) * 3

    def f(arrays):
        return np.exp(np.sin(3 * arrays["x"]))

    slope, doubt = witnesses.central_slope(f, {"x": x}, np.ones(4), u, extrapolated=True)
    assert abs(slope - truth.sum()) <= witnesses.DOUBTS * doubt <= 1e-6


def real_only(x):
    if np.iscomplexobj(x):
        raise TypeError("no complex numbers here")
    return x * x


@pytest.mark.parametrize("function, words", [
    (np.tanh, None),
    (lambda x: np.maximum(x, 0.0), None),  # away from 0 it is
    (lambda x: x * (x > 0) + np.where(x < 0, np.exp(x), 0.0), None),
    (np.abs, "forward loses the imaginary part"),
    (lambda x: np.sqrt(x * np.conj(x)), "forward loses the imaginary part"),
    (lambda x: np.abs(x) + x, "forward isn't analytic: its complex step isn't its slope"),
    (lambda x: (x - x.mean()) / x.std(), "forward isn't analytic"),  # numpy's var takes abs
    (real_only, "forward raises TypeError on complex numbers (no complex numbers here)"),
    (lambda x: x.astype(float) ** 2, "forward loses the imaginary part"),
    (lambda x: x / (1 if np.isrealobj(x) else np.nan), "forward gives NaN or infinity"),
])
def test_the_complex_step_is_tried_before_it_is_trusted(function, words):
    found = witnesses.why_not_analytic(lambda arrays: function(arrays["x"]), {"x": X["x"]}, DY,
                                       {"x": np.array([0.3, 1.2, -0.8])})
    assert found is None if words is None else found.startswith(words)


@pytest.mark.parametrize("function, x, kink", [
    (lambda x: np.maximum(x, 0.0), [0.0, 1.0], True),
    (lambda x: np.maximum(x, 0.0), [1e-8, 1.0], True),
    (lambda x: np.maximum(x, 0.0), [0.01, 1.0], False),
    (lambda x: x.max(), [2.0, 2.0], True),
    (lambda x: x.max(), [2.0, 1.0], False),
    (np.abs, [0.0, 0.0], True),
    (np.floor, [1.0, 0.5], True),
    (lambda x: np.exp(3 * x), [1.0, 2.0], False),
    (lambda x: 1e6 * x**2, [1.0, 2.0], False),
    (lambda x: 1e-9 * np.maximum(x, 0.0) + 1e-9, [0.0, 1.0], True),
])
def test_kinks_are_found(function, x, kink):
    x = np.array(x)
    y = np.asarray(function(x))
    assert witnesses.kinked(lambda arrays: function(arrays["x"]), {"x": x}, np.ones(y.shape),
                            {"x": np.array([1.0, -0.6])}) == kink
