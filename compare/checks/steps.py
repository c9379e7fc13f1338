"""A study: how the error of a difference depends on its step, why the complex step's does not."""

import numpy as np

from ..layers.sizes import sizes
from . import oracles
from .trial import Trial

POWERS = [*range(1, 16), 30, 100]  # the step is 10 to minus this
WIDTH = 34                         # of the plot, for errors from 1e-16 to 10


def step_errors(layer):
    """Return rows (step, error of central differences, error of the complex step).

    The error is that of the slope of sum(dy * y) along one drawn direction through all inputs
    and parameters at once, relative to the slope that the hand-written backward gives.
    """
    trial = Trial(layer, sizes(layer.letters, "study"), 0)
    rng = np.random.default_rng(0)
    arrays = oracles.variables(trial.example)
    u = {name: rng.standard_normal(array.shape) for name, array in arrays.items()}
    truth = sum((u[name] * trial.ours.gradients[name]).sum() for name in u)

    def relative(slope):
        return abs(slope / truth - 1)

    for step in (10.0**-power for power in POWERS):
        central = oracles.difference(layer, trial.example, trial.dy, u, step)
        there = oracles.directional(layer, trial.example, u, step)
        yield step, relative(central), relative((trial.dy * there).sum())


def print_study(layer):
    """Print the errors as a table and as a plot in plain characters."""
    print(f"{layer.stem}: relative error of a slope against the step h\n"
          "  d  central difference (f(x + h) - f(x - h)) / 2h      "
          "c  complex step Im f(x + ih) / h\n")
    print(f"{'step h':<10}{'central':>9}{'complex':>9}   {'1e-16':<{WIDTH // 2}}1e-8"
          f"{'10':>{WIDTH - WIDTH // 2 - 4}}")
    for step, central, complex_ in step_errors(layer):
        row = [" "] * (WIDTH + 1)
        row[place(complex_)] = "c"
        row[place(central)] = "d"
        print(f"{step:<10.0e}{central:>9.1e}{complex_:>9.1e}  |{''.join(row)}|")


def place(error):
    """Return the column of the plot in which an error stands."""
    power = np.log10(max(float(error), 1e-16))
    return round(WIDTH * (min(power, 1.0) + 16) / 17)
