"""The check: every layer of the table before its oracles, on drawn examples."""

import itertools
import math
from dataclasses import dataclass, field

from ..layers.both import collapse
from ..layers.caches import cache_bytes
from ..layers.sizes import draw_sizes, sizes, in_words
from ..progress import waiting
from .coverage import Coverage, met_by
from .trial import ROUNDINGS, Trial, allowed

COLUMNS = ("torch", "complex", "central", "float32")
ENTRIES = 2                 # of each array, before the oracles that take an entry at a time
SHARE = {"complex": 5, "central": 20}  # they see one example of so many: each entry costs a forward


@dataclass
class Report:
    """What the checks of one layer found; keys are (result, column)."""

    worst: dict = field(default_factory=dict)     # the largest error
    count: dict = field(default_factory=dict)     # how many examples there were
    ill: dict = field(default_factory=dict)       # how many of them were ill-conditioned
    failures: dict = field(default_factory=dict)  # (sizes, seed, error) of the smallest example
    useless: list = field(default_factory=list)   # why the examples prove nothing, if so


def check(layer, examples):
    """Return the Report of one layer over the first `examples` seeds, before all oracles."""
    report, coverage = Report(), {column: Coverage(layer, column) for column in ("torch", *SHARE)}
    drawn = [draw_sizes(layer.letters, seed) for seed in range(examples)]
    shows = [met_by(layer, n, layer.example(n, seed)) for seed, n in enumerate(drawn)]
    for column in waiting.over((*COLUMNS, "adjoint"), str):
        for seed in waiting.over(chosen(shows, SHARE.get(column, 1))):
            trial, errors, ill = testify(layer, drawn[seed], seed, column)
            if column in coverage:  # the others see what torch sees
                coverage[column].add(drawn[seed], trial.example, trial.theirs)
            for name, error in errors.items():
                key = collapse(name), column
                well = 0.0 if name in ill else error
                report.worst[key] = max(report.worst.get(key, 0.0), well)
                report.count[key] = report.count.get(key, 0) + 1
                report.ill[key] = report.ill.get(key, 0) + (name in ill)
                if error > allowed(layer, column) and key not in report.failures:
                    report.failures[key] = smallest_failure(layer, name, drawn[seed], seed, column)
    report.useless = [reason for column in coverage.values() for reason in column.missing()]
    return report


def chosen(shows, every):
    """Return the examples that an oracle sees, one of `every` or a few more: first those without
    which it would miss something that any of them shows; shows[i] is what example i shows."""
    picked, missed = [], set().union(*shows)
    while missed:
        picked.append(max(range(len(shows)), key=lambda i: len(shows[i] & missed)))
        missed -= shows[picked[-1]]
    for i in range(0, len(shows), every):
        if i not in picked and len(picked) * every < len(shows):
            picked.append(i)
    return sorted(picked)


def testify(layer, n, seed, column):
    """Return (trial, errors, ill) of one example before the oracle of a column."""
    trial = Trial(layer, n, seed, "float32" if column == "float32" else "float64")
    if column in SHARE:
        return trial, *getattr(trial, column)(ENTRIES)
    return trial, *(trial.adjoint() if column == "adjoint" else trial.torch())


def smallest_failure(layer, name, n, seed, column):
    """Return (sizes, seed, error) of the smallest example up to the sizes n that fails."""
    boxes = itertools.product(*(range(1, size + 1) for size in n.values()))
    for box in sorted(boxes, key=lambda box: (math.prod(box), box)):
        smaller = dict(zip(n, box))
        error = testify(layer, smaller, seed, column)[1].get(name, 0.0)
        if error > allowed(layer, column):
            return smaller, seed, error
    raise RuntimeError(f"{layer.stem}: {name} failed at {n} with seed {seed}, then passed")


def print_checks(layers, examples):
    """Check the layers, print the table, and return whether every row passed."""
    print(f"the largest relative error among {examples} drawn examples a row\n")
    print(f"{'layer / result':<35}{'torch':>9}{'complex':>9}{'central':>9}{'float32':>9}{'ill':>9}")
    problems = []
    for layer in waiting.over(layers, lambda layer: layer.stem):
        report = check(layer, examples)
        print(f"{layer.stem}  (adjoint {report.worst['adjoint', 'adjoint']:.1e}, "
              f"cache {cache_bytes(layer):,} bytes)")
        for name in dict.fromkeys(name for name, column in report.worst if column == "torch"):
            print(report_row(report, name))
        problems += [failure(layer, key, *found) for key, found in report.failures.items()]
        problems += [f"useless: {reason}" for reason in report.useless]
    print(LEGEND)
    print("\n".join(problems) if problems else "every output and every gradient agrees")
    return not problems


def report_row(report, name):
    """Return the row of one result."""
    cells = [f"{report.worst[name, column]:.1e}" if (name, column) in report.worst else ""
             for column in COLUMNS]
    ill, count = (sum(counts.get((name, column), 0) for column in COLUMNS)
                  for counts in (report.ill, report.count))
    share = f"{ill / count:.1%}" if ill else "0%"
    fails = "  FAILS" if any((name, column) in report.failures for column in COLUMNS) else ""
    return f"  {name:<33}{''.join(f'{cell:>9}' for cell in cells)}{share:>9}{fails}".rstrip()


def failure(layer, key, n, seed, error):
    """Return the sentence for a failure and the smallest example that shows it."""
    name, column = key
    return (f"{layer.stem}: {name} is off by {error:.1e} before the oracle {column}; allowed: "
            f"{allowed(layer, column):.0e}. Smallest example: {in_words(n)}, seed {seed}")


LEGEND = """
torch    autograd in float64, every entry; allowed: 1e-12
complex  the complex step, {n} entries of each array, one in {complex} examples; allowed: 1e-13
central  central differences at the best step, one in {central} examples; allowed: 1e-6; where
         they end, and why: python -m compare steps
adjoint  <J u, dy> = <u, dx> for a drawn u through all inputs at once; allowed: 1e-12
float32  torch again, both sides in float32; allowed: 1e-5, and 1e-4 for the whole model
ill      the share of these comparisons that are ill-conditioned: rounding the inputs alone moves
         the right result further than is allowed. There the limit is {r} times that movement,
         as torch shows it (central: as neighbouring steps show it), so that a wrong formula fails
cache    bytes in float32 with {sizes}, no dropout
""".format(n=ENTRIES, r=ROUNDINGS, sizes=in_words(sizes("BTCHVL", "laptop")), **SHARE)
