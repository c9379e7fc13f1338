"""The precision: how near the float32 of each side is to the truth, the same in float64."""

from typing import NamedTuple

import numpy as np

from ..layers import both
from ..layers.both import collapse
from ..layers.sizes import LETTERS, draw_wide_sizes
from ..progress import waiting

MEDIAN, WORST = 2, 4      # how many times torch's error ours may be
HALF_UNIT = float(np.finfo(np.float32).eps) / 2   # even the truth, rounded, may be off by as much
SMALLEST = float(np.finfo(np.float32).tiny)       # only so that 0 / 0 is 0: errors are relative


class Row(NamedTuple):
    """The relative errors of one result in float32, an entry an example."""

    ours: list
    torch: list

    @property
    def median(self):
        """(ours, torch's, the ratio): of the medians or the median of the ratios, the larger."""
        ours, torch = float(np.median(self.ours)), float(np.median(self.torch))
        return ours, torch, max(ratio(ours, torch), float(np.median(self.ratios)))

    @property
    def worst(self):
        """(ours, torch's, the ratio) of the largest error of each."""
        return max(self.ours), max(self.torch), ratio(max(self.ours), max(self.torch))

    @property
    def ratios(self):
        """The ratio of each example."""
        return [ratio(ours, torch) for ours, torch in zip(self.ours, self.torch)]

    @property
    def passes(self):
        """Whether ours is at most MEDIAN times torch's in the median, WORST times in the worst."""
        return self.median[2] <= MEDIAN and self.worst[2] <= WORST


def ratio(ours, torch):
    """Return ours / torch, taking torch to be off by half a unit in the last place at least."""
    return ours / max(torch, HALF_UNIT)


def measure(layer, seeds):
    """Return {result: Row} of one layer, an example a seed; all blocks share a row."""
    rows = {}
    for seed in waiting.over(seeds):
        sizes = draw_wide_sizes(layer.letters, seed, layer.least, layer.most)
        for name, (ours, torch) in errors_in_float32(layer, sizes, seed).items():
            row = rows.setdefault(collapse(name), Row([], []))
            row.ours.append(ours)
            row.torch.append(torch)
    return rows


def errors_in_float32(layer, sizes, seed):
    """Return {result: (ours, torch's)}, the relative errors in float32 of one example.

    The truth is torch in float64 on the same float32 values. Ours in float64 agrees with it to
    1e-12, five digits beyond what is measured here.
    """
    example = layer.example(sizes, seed).astype("float32")
    dy = both.draw_cotangent(layer, example, seed)
    truth = both.run_torch(layer, sizes, example.astype("float64"), dy.astype("float64"))
    ours = both.compare(both.run_numpy(layer, example, dy), truth, lambda name: SMALLEST)
    torch = both.compare(both.run_torch(layer, sizes, example, dy), truth, lambda name: SMALLEST)
    return {name: (ours[name], torch[name]) for name in ours}


def print_precision(layers, examples):
    """Measure the layers, print the table, and return whether every row passed."""
    print(f"relative error in float32, ours and torch's, over {examples} drawn examples a row\n")
    print(f"{'':<36}{'median':^24}  {'worst':^24}")
    print(f"{'layer / result':<36}" + "  ".join([f"{'ours':>8}{'torch':>9}{'ratio':>7}"] * 2))
    passed = True
    for layer in waiting.over(layers, lambda layer: layer.stem):
        measured = measure(layer, range(examples))
        print(layer.stem)
        for name, row in measured.items():
            cells = "  ".join(f"{ours:>8.1e}{torch:>9.1e}{times:>7.2f}"
                              for ours, torch, times in (row.median, row.worst))
            print(f"  {name:<34}{cells}{'' if row.passes else '  FAILS'}")
            passed = passed and row.passes
    print(LEGEND)
    print("every result is as near as allowed" if passed else "some results are too far off")
    return passed


(_, T), (_, C) = LETTERS["T"].precision, LETTERS["C"].precision
LEGEND = f"""
error: against float64 on the same values
sizes: drawn up to C = {C} and T = {T}, the first example of the largest
ratio: ours / torch's, or / {HALF_UNIT:.0e}, half a unit in the last place, where torch's is below;
       median: of the medians, or the median of the ratios, whichever is larger
allowed: a ratio of {MEDIAN} in the median and of {WORST} in the worst
"""
