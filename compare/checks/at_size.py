"""One example of any size before the oracles whose cost does not grow with its parameters.

Each follows drawn directions u: J u, by how much the output moves along u, must have the dot
product with the cotangent that u has with the gradients. Along a direction that is zero but for
one row of the table, a wrong gradient is told from the others'. So the cost grows with the rows;
the arrays of a row, one in each block of a model, go one by one only where their row is wrong.
"""

import time
from dataclasses import dataclass, field

import numpy as np

from reference.tools import tree

from ..layers.both import collapse
from ..layers.streams import stream
from ..progress import duration, waiting
from ..words import counted
from . import oracles, witnesses
from .coverage import met_by
from .own_sizes import own_words
from .trial import ALLOWED, Trial, allowed, floor, weigh

LOOKS_AT = {
    "torch": "every entry of every gradient",
    "adjoint": "all arrays at once, along a drawn direction",
    "complex": "the arrays of each row alone, likewise",
    "central": "all arrays at once, by differences",
}
BOUND = {"complex": "adjoint"}  # it is the adjoint test of a row; otherwise an oracle's own
TOLD = 1e-6                     # a relative error that is to be seen in every gradient
ABOUT_ZERO = floor("float64", ALLOWED["torch"]) * ALLOWED["torch"] / TOLD  # below, it would pass
OWN = {"S > 1": "S > T"}        # a row's S counts from T - 1
SHOWN = 8                       # failures, at most


@dataclass
class Findings:
    """What the oracles found at one size."""

    worst: dict = field(default_factory=dict)     # the largest error by (row, oracle)
    failures: dict = field(default_factory=dict)  # the error by (result, oracle) that is too large
    seconds: dict = field(default_factory=dict)   # by oracle
    unseen: list = field(default_factory=list)    # what the example never showed
    useless: list = field(default_factory=list)   # the gradients that are about zero


def bound_of(layer, oracle):
    """Return the largest relative error that is allowed before an oracle here."""
    return allowed(layer, BOUND.get(oracle, oracle))


def findings(trial):
    """Return the Findings of a Trial before all oracles."""
    found = Findings()
    for oracle in waiting.over(LOOKS_AT, str):
        start = time.perf_counter()
        for name, error in ORACLES[oracle](trial).items():
            key = collapse(name), oracle
            found.worst[key] = max(found.worst.get(key, 0.0), error)
            if error > bound_of(trial.layer, oracle):
                found.failures[name, oracle] = error
        found.seconds[oracle] = time.perf_counter() - start
    shown = met_by(trial.layer, trial.sizes, trial.example)
    found.unseen = [name for name in trial.layer.shows if name not in shown]
    found.useless = [f"d {name}" for name, grad in trial.ours.gradients.items()
                     if np.abs(grad).max() < ABOUT_ZERO]
    return found


def torch_errors(trial):
    """Return the errors of the output and of each gradient before torch."""
    errors, _ = trial.torch()
    del trial.theirs  # as many bytes as the gradients
    return errors


def adjoint_errors(trial):
    """Return the error of all gradients together before the adjoint identity."""
    return trial.adjoint()[0]


def row_errors(trial):
    """Return the error of each row along a direction of its own, or of each array
    of a row that is wrong."""
    rows = {}
    for name in oracles.variables(trial.example):
        rows.setdefault(f"d {collapse(name)}", []).append(name)
    errors = {row: slope_error(trial, names) for row, names in waiting.over(rows.items(), str)}
    for row in [row for row in rows if errors[row] > bound_of(trial.layer, "complex")]:
        each = {f"d {name}": slope_error(trial, [name]) for name in rows[row]}
        wrong = {name: e for name, e in each.items() if e > bound_of(trial.layer, "complex")}
        if wrong:
            del errors[row]
            errors |= each
    return errors


def slope_error(trial, names):
    """Return the error of the gradients along a direction that is zero but for some arrays."""
    u = drawn_direction(trial, names)
    moves = trial.dy * oracles.directional(trial.layer, trial.example, u)
    return gap(trial, u, float(moves.sum()), float(np.linalg.norm(moves)), "complex")


def central_errors(trial):
    """Return the error of all gradients together before central differences, at the best step."""
    u = drawn_direction(trial, oracles.variables(trial.example))
    found = np.array([oracles.difference(trial.layer, trial.example, trial.dy, u, step)
                      for step in waiting.over(witnesses.STEPS)])
    best = 1 + np.abs(np.diff(found))[1:].argmin()  # as in oracles.central_differences
    return {"central": gap(trial, u, float(found[best]), 0.0, "central")}


def drawn_direction(trial, names):
    """Return a normal direction by name, for some arrays."""
    rng, arrays = stream(trial.seed, "direction"), oracles.variables(trial.example)
    return {name: rng.standard_normal(arrays[name].shape) for name in names}


def gap(trial, u, slope, size, oracle):
    """Return the error of <u, gradients> before a slope, relative to the usual size of both.

    That of <u, g> for a drawn u is the norm of its terms; `size` is that of the slope's terms.
    A gap that the rounding of the inputs explains is weighed as in Trial.
    """
    pulled = squares = 0.0
    for name, direction in u.items():
        terms = direction * trial.ours.gradients[name]
        pulled, squares = pulled + float(terms.sum()), squares + float((terms * terms).sum())
    size = max(size, squares**0.5)

    def noise():
        numbers = {name: direction.size**0.5 for name, direction in u.items()}
        return {"gap": max(trial.noise[f"d {name}"] * root for name, root in numbers.items())}

    def errors(least):
        error = abs(slope - pulled) / max(size, least("gap"))
        return {"gap": error if np.isfinite(error) else np.inf}
    return weigh(errors, noise, trial.dtype, bound_of(trial.layer, oracle))[0]["gap"]


ORACLES = {"torch": torch_errors, "adjoint": adjoint_errors, "complex": row_errors,
           "central": central_errors}


def print_findings(layer, n, seed, example=None, scale=1):
    """Print what the oracles find at these sizes, and return whether the example passed.

    It is drawn unless one is given; the cotangent is multiplied by scale.
    """
    trial = Trial(layer, n, seed, example=example)
    trial.dy = trial.dy * scale
    count = tree.count(trial.example.params or ())
    found = findings(trial)
    print(f"{layer.stem} at {own_words(n)}: {counted(count, 'parameter')}, float64\n")
    print(f"{'result':<35}{'torch':>9}{'complex':>9}")
    for row in dict.fromkeys(row for row, oracle in found.worst if oracle in ("torch", "complex")):
        print(f"  {row:<33}" + "".join(
            f"{found.worst[row, oracle]:>9.1e}" if (row, oracle) in found.worst else " " * 9
            for oracle in ("torch", "complex")).rstrip())
    print(f"\n{'oracle':<9}{'looks at':<45}{'worst':>9}{'allowed':>9}{'time':>14}")
    for oracle, words in LOOKS_AT.items():
        worst = max(error for (_, of), error in found.worst.items() if of == oracle)
        print(f"{oracle:<9}{words:<45}{worst:>9.1e}{bound_of(layer, oracle):>9.0e}"
              f"{duration(found.seconds[oracle]):>14}")
    print()
    for line in [*remarks(found), *problems(layer, found)]:
        print(line)
    if not (found.failures or found.useless):
        print("every gradient agrees")
    return not (found.failures or found.useless)


def remarks(found):
    """Return what the one example never showed, in words."""
    unseen = [OWN.get(name, name) for name in found.unseen]
    return ["this one example never showed: " + ", ".join(unseen)] if unseen else []


def problems(layer, found):
    """Return a sentence for each failure, a few of many, and for what proves nothing."""
    lines = [f"{layer.stem}: {name} is off by {error:.1e} before the oracle {oracle}; allowed: "
             f"{bound_of(layer, oracle):.0e}" for (name, oracle), error in found.failures.items()]
    if len(lines) > SHOWN:
        lines[SHOWN:] = [f"and {len(lines) - SHOWN} more"]
    return lines + [f"{layer.stem}: {name} is below {ABOUT_ZERO:.0e}, so an error of {TOLD:.0e} in "
                    "it would pass; allowed: sizes at which it is above" for name in found.useless]
