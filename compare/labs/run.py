"""A lab from its row: the experiment over seeds on both sides, what it claims, and its log."""

import contextlib
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from reference.fast import blas

from ..files.whole import written_whole
from ..layers.labs import LABS
from ..layers.source import HOUSE
from ..progress import waiting
from ..svg import standalone

LOGS = HOUSE / "compare" / "labs" / "logs"  # of the runs that the book shows
SIDES = {"numpy": ["numpy"], "torch": ["torch"], "both": ["numpy", "torch"]}
NAMES = {"numpy": "NumPy", "torch": "torch"}
APART = 1e-10  # what the losses and the numbers of both sides may differ by


class Measured(NamedTuple):
    """What one side measured from one seed."""

    numbers: dict  # floats, by what they are
    losses: list   # of every update, in order
    series: dict   # what the picture shows: lists of numbers, by name


class LabRun(NamedTuple):
    """A lab as it was run: all that its table, its picture and its page are made of."""

    lab: str
    settings: dict
    seeds: int
    sides: list
    apart: float    # the largest difference of a loss or a number of both sides; 0 with one
    measured: list  # of Measured, a seed each, by the first side


def run_lab(stem, settings, seeds, side):
    """Return the LabRun of a lab over the seeds 0, 1, ... on the sides asked for.

    Raises ValueError for settings out of range, FloatingPointError where the sides differ.
    """
    lab = LABS[stem]
    check_lab_settings(lab, settings)
    names = SIDES[side]
    jobs = [(seed, name) for seed in range(seeds) for name in names]
    with one_thread(names):
        found = [lab.experiment.experiment(name, seed, **settings) for seed, name in waiting.over(
            jobs, lambda job: f"seed {job[0]}, {NAMES[job[1]]}")]
    first, other = found[::len(names)], found[len(names) - 1::len(names)]
    most = max(map(largest_gap, first, other))
    if not most <= APART:
        raise FloatingPointError(f"NumPy and torch are {most:.1e} apart in {stem}; "
                                 f"allowed: {APART:.0e}")
    return LabRun(stem, settings, seeds, names, most, first)


@contextlib.contextmanager
def one_thread(names):
    """Give both sides one thread in a with block: of products this small, a second only waits."""
    if "torch" in names:
        import torch
        torch.set_num_threads(1)
    with blas.threads(1):
        yield


def check_lab_settings(lab, settings):
    """Refuse a setting out of range with a ValueError."""
    for name, value in settings.items():
        low, high = lab.settings[name].low, lab.settings[name].high
        if low is not None and not low <= value <= high:
            raise ValueError(f"{name} is {value}; allowed: from {low:g} " + (
                f"to {high:g}" if np.isfinite(high) else "up"))


def largest_gap(ours, theirs):
    """Return the largest difference between the losses and the numbers of two Measured."""
    pairs = [*zip(ours.losses, theirs.losses, strict=True),
             *((ours.numbers[name], theirs.numbers[name]) for name in ours.numbers)]
    return float(np.abs(np.subtract(*np.transpose(pairs))).max()) if pairs else 0.0


def write_run(folder, log):
    """Write <lab>.json and <lab>.svg into a folder; return the path of the picture."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    short = [one._replace(losses=[float(f"{loss:.9g}") for loss in one.losses])._asdict()
             for one in log.measured]
    plain = log._replace(measured=short)._asdict()
    text = json.dumps(plain, indent=1, default=float)
    svg = standalone(LABS[log.lab].experiment.draw(log).svg)
    for suffix, content in (".json", text + "\n"), (".svg", svg):
        with written_whole(folder / f"{log.lab}{suffix}") as file:
            file.write(content.encode())
    return folder / f"{log.lab}.svg"


def read_run(stem, folder=LOGS):
    """Return the LabRun that a folder holds of a lab."""
    plain = json.loads(Path(folder, f"{stem}.json").read_text(encoding="utf-8"))
    return LabRun(**plain | {"measured": [Measured(**one) for one in plain["measured"]]})
