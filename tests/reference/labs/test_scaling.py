"""The fits of the lab scaling: known numbers come back, both sides agree, and other fits do."""

import math

import numpy as np
import pytest
import torch

from reference.labs import scaling
from torch_impl.labs import scaling as theirs
from torch_impl.labs.scaling_law import ScalingLaw

HOFFMANN = np.array([math.log(30), 0.4, math.log(60), 0.3, math.log(1.5), 1.0])
KAPLAN = np.array([9.0, 0.7, 15.0, 1.0, -np.inf, 0.2])
HOW = dict(delta=0.03, updates=60)


def runs_of(theta, noise=0.0):
    """Runs on a grid of sizes and budgets whose losses are a law's, but for the noise."""
    n, d = (np.log(a).ravel() for a in np.meshgrid(np.geomspace(1e3, 1e5, 5), [1e5, 4e5, 2e6]))
    drawn = noise * np.random.default_rng(0).standard_normal(15)
    return scaling.Runs(n, d, np.log(scaling.predicted(theta, n, d)) + drawn)


def to_torch(runs):
    return theirs.Runs(*map(torch.from_numpy, runs))


@pytest.mark.parametrize("name, theta", [("Hoffmann", HOFFMANN), ("Kaplan", KAPLAN)])
def test_the_numbers_behind_exact_losses_come_back(name, theta):
    found = scaling.fit(runs_of(theta), scaling.LAWS[name], **HOW)
    free = list(scaling.LAWS[name].free)
    np.testing.assert_allclose(found.theta[free], theta[free], rtol=1e-6)
    assert found.losses[0] > 1e-3 and found.losses[-1] < 1e-20


@pytest.mark.parametrize("name, theta", [("Hoffmann", HOFFMANN), ("Kaplan", KAPLAN)])
def test_both_sides_make_the_same_updates(name, theta):
    runs = runs_of(theta, 0.02)
    how = dict(delta=0.03, updates=30)
    ours = scaling.fit(runs, scaling.LAWS[name], **how)
    other = theirs.fit(to_torch(runs), theirs.LAWS[name], **how)
    np.testing.assert_allclose(ours.theta, other.theta, rtol=1e-9)
    np.testing.assert_allclose(ours.losses, other.losses, rtol=1e-9, atol=1e-14)
    few = dict(delta=0.03, updates=3)
    without = scaling.without_each(runs, scaling.LAWS[name], ours.theta, **few)
    np.testing.assert_allclose(
        without, theirs.without_each(to_torch(runs), theirs.LAWS[name], other.theta, **few),
        rtol=1e-9)
    assert scaling.best_power(ours.theta) == pytest.approx(theirs.best_power(other.theta).item())


def test_torchs_lbfgs_finds_no_lower_loss():
    runs = runs_of(KAPLAN, 0.02)
    ours = scaling.fit(runs, scaling.LAWS["Kaplan"], **HOW)
    given, free = to_torch(runs), list(theirs.LAWS["Kaplan"].free)
    start = torch.tensor(theirs.LAWS["Kaplan"].start, dtype=torch.float64)
    numbers = start[free].clone().requires_grad_()

    def loss():
        theta = start.index_copy(0, torch.tensor(free), numbers)
        r = ScalingLaw()(theta, given.log_n, given.log_d) - given.log_loss
        return theirs.huber(r, delta=0.03)

    search = torch.optim.LBFGS([numbers], max_iter=100, tolerance_grad=1e-12,
                               tolerance_change=1e-15, line_search_fn="strong_wolfe")

    def closure():
        search.zero_grad()
        value = loss()
        value.backward()
        return value

    search.step(closure)
    assert 0 <= loss().item() - ours.losses[-1] < 1e-6 * ours.losses[-1]


def test_the_gradient_of_the_huber_loss_is_weighted_residuals():
    r, h = np.array([-0.5, -0.02, 0.0, 0.01, 0.2]), 1e-7
    for i, slope in enumerate(scaling.weights(r, delta=0.03) * r):
        step = h * (np.arange(5) == i)
        up, down = (scaling.huber(r + s, delta=0.03) for s in (step, -step))
        assert abs((up - down) / (2 * h) - slope) < 1e-8
    ours = scaling.huber(r, delta=0.03)
    assert ours == pytest.approx(theirs.huber(torch.from_numpy(r), delta=0.03).item(), rel=1e-14)
    np.testing.assert_allclose(scaling.weights(r, delta=0.03),
                               theirs.weights(torch.from_numpy(r), delta=0.03), rtol=1e-14)


def test_the_jackknife_error_of_a_mean_is_the_usual_one():
    values = np.random.default_rng(0).standard_normal(12)
    without = (values.sum() - values) / 11
    usual = values.std(ddof=1) / math.sqrt(12)
    assert scaling.jackknife_error(without) == pytest.approx(usual, rel=1e-12)
    assert theirs.jackknife_error(torch.from_numpy(without)).item() == pytest.approx(usual)


def test_a_law_of_nothing_but_the_floor_has_no_curvature_there_and_is_fitted_all_the_same():
    theta = HOFFMANN.copy()
    theta[4] = -np.inf
    found = scaling.fit(runs_of(theta), scaling.LAWS["Hoffmann"], delta=0.03, updates=200)
    assert math.exp(found.theta[4]) < 1e-3 and np.isfinite(found.theta).all()


@pytest.mark.parametrize("runs, delta, words", [
    (3, 0.03, "^the number of runs is 3; allowed: at least the 4 free numbers$"),
    (15, 0.0, "^delta is 0.0; allowed: a finite number above 0$")])
def test_what_cannot_be_fitted_is_refused(runs, delta, words):
    some = scaling.Runs(*(a[:runs] for a in runs_of(KAPLAN)))
    with pytest.raises(ValueError, match=words):
        scaling.fit(some, scaling.LAWS["Kaplan"], delta=delta, updates=5)
