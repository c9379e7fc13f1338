"""The lab scaling: two laws fitted to recorded runs, and the size that neither has seen.

The runs are trained by compare/training/sized_runs.py; `--again` trains any of them anew.
"""

import time
from pathlib import Path

import numpy as np

from reference.fast import blas

from ..layers.labs import LABS
from ..progress import duration, waiting
from ..svg import Plot, dot, figure, line, text
from ..training import sized_runs
from ..words import processor
from .run import NAMES, SIDES, Measured

FREE = {"Hoffmann": ("A", "alpha", "B", "beta", "E"), "Kaplan": ("A", "alpha", "B", "gamma")}
COLORS = ("three", "two", "one")  # of the budgets, from the least
UP = (1.2, 2.9)                   # losses that the picture shows


class SideLaws:
    """The module of a side, which takes and returns its own arrays."""

    def __init__(self, side):
        self.lab, self.to_side = getattr(LABS["scaling"], side), np.asarray
        if side == "torch":
            import torch
            self.to_side = torch.from_numpy

    def runs(self, some):
        """Return the side's Runs of SizedRuns."""
        columns = [[run.parameters for run in some], [run.tokens for run in some],
                   [run.loss for run in some]]
        return self.lab.Runs(*(self.to_side(np.log(column)) for column in columns))

    def percent_off(self, theta, some):
        """Return by how many percent a law is off the loss of each run."""
        runs = self.runs(some)
        found = np.asarray(self.lab.predicted(theta, runs.log_n, runs.log_d))
        return 100 * (found / np.array([run.loss for run in some]) - 1)


def experiment(side, seed, *, delta, updates):
    """Fit both laws to the recorded runs of a seed, and predict what they have not seen."""
    own = [run for run in sized_runs.read_table() if run.seed == seed]
    if not own:
        raise ValueError(f"seed is {seed}; allowed: those of the recorded runs, "
                         f"{min(sized_runs.SEEDS)} to {max(sized_runs.SEEDS)}")
    seen = [run for run in own if run.width != sized_runs.UNSEEN]
    unseen = [run for run in own if run.width == sized_runs.UNSEEN]
    numbers, losses = without_a_law(seen, unseen), []
    series = {"widths": [run.width for run in own], "parameters": [run.parameters for run in own],
              "tokens": [run.tokens for run in own], "loss": [run.loss for run in own],
              "operations": [run.operations for run in own]}
    for name in waiting.over(FREE):
        found, theta, updated = of_law(SideLaws(side), name, seen, unseen, delta, updates)
        numbers |= found
        losses += updated
        series[name] = theta
    numbers["left out, Hoffmann less Kaplan"] = (
        numbers["left out, Hoffmann"] - numbers["left out, Kaplan"])
    return Measured(numbers, losses, series)


def of_law(side, name, seen, unseen, delta, updates):
    """Return the numbers of a law, its theta, and the Huber loss before each update."""
    lab, runs, how = side.lab, side.runs(seen), dict(delta=delta, updates=updates)
    theta, losses = lab.fit(runs, lab.LAWS[name], **how)
    without = lab.without_each(runs, lab.LAWS[name], theta, **how)
    numbers, columns = {}, np.asarray(without).T
    for place, word in zip(lab.LAWS[name].free, FREE[name]):
        logarithm = word in ("A", "B")  # else their errors would be as large as any number
        change = np.exp if word == "E" else np.asarray
        word = f"log {word}" if logarithm else word
        numbers[f"{name}: {word}"] = float(change(np.asarray(theta)[place]))
        numbers[f"{name}: {word}, standard error"] = float(
            lab.jackknife_error(side.to_side(change(columns[place]))))
    off = np.array([side.percent_off(one, [run])[0] for one, run in zip(without, seen)])
    numbers[f"fitted, {name}"] = rms(side.percent_off(theta, seen))
    numbers[f"left out, {name}"] = rms(off)
    for run, percent in zip(unseen, side.percent_off(theta, unseen)):
        numbers[f"unseen, {name}, {run.tokens:,} tokens"] = float(percent)
    numbers[f"unseen, {name}"] = rms(side.percent_off(theta, unseen))
    numbers[f"power of the best size, {name}"] = float(lab.best_power(theta))
    numbers[f"power of the best budget, {name}"] = float(1 - lab.best_power(theta))
    shown = [float(f"{value:.9g}") if np.isfinite(value) else None for value in np.asarray(theta)]
    return numbers, shown, losses


def without_a_law(seen, unseen):
    """Return what there is to predict, in percent, where nothing is fitted."""
    logs = np.log([run.loss for run in seen])
    others = (logs.sum() - logs) / (len(logs) - 1)
    widest = {run.tokens: run.loss for run in seen}  # the last of each budget is the widest
    nearest = {f"unseen, widest that was seen, {run.tokens:,} tokens":
               100 * (widest[run.tokens] / run.loss - 1) for run in unseen}
    return {"left out, mean of the others": rms(100 * np.expm1(others - logs)), **nearest,
            "unseen, widest that was seen": rms([*nearest.values()])}


def rms(values):
    """Return the root of the mean square."""
    return float(np.sqrt(np.mean(np.square(values))))


def own(given):
    """Train a cell of the table anew, or all of them, and show each beside what is recorded."""
    if given.again == "all":
        return record_all(Path(given.log))
    width, tokens, seed = named_cell(given.again)
    recorded = next(run for run in sized_runs.read_table()
                    if (run.width, run.tokens, run.seed) == (width, tokens, seed))
    sized = sized_runs.Sized()
    print(f"width {width}, {tokens:,} tokens, seed {seed}: {recorded.parameters:,} parameters, "
          f"{recorded.operations:,} operations\n")
    print(f"{'':<10}{'loss':>8}  processor time")
    print(f"{'recorded':<10}{recorded.loss:>8.4f}  {duration(recorded.seconds)}")
    for name in SIDES[given.side]:
        with waiting.on(f"training with {NAMES[name]}"), blas.threads(1):
            run = sized.run(width, tokens, seed, name)
        print(f"{NAMES[name]:<10}{run.loss:>8.4f}  {duration(run.seconds)}", flush=True)
    if sized.length != sized_runs.recorded_length():
        print("\nthe text is another one than the recorded: this Python's language reference has "
              f"{sized.length:,} characters, not {sized_runs.recorded_length():,}")
    return 0


def named_cell(words):
    """Return (width, tokens, seed) of "16,131072,0"; refuse what is no cell with a ValueError."""
    cells = sized_runs.cells_of_table()
    found = [cell for cell in cells if words == ",".join(map(str, cell))]
    if not found:
        lists = ("/".join(str(n) for n in sorted({cell[i] for cell in cells})) for i in range(3))
        raise ValueError(f"again is {words}; allowed: all, or width,tokens,seed of "
                         + ", ".join(lists))
    return found[0]


def record_all(folder):
    """Train every cell and write the table into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path, begun = folder / sized_runs.TABLE.name, time.process_time()
    with blas.threads(1):
        for run in sized_runs.record(path, processor()):
            print(f"width {run.width:>3}  {run.tokens:>9,} tokens  seed {run.seed}  "
                  f"loss {run.loss:.4f}  {duration(run.seconds)}", flush=True)
    print(f"{path} is written, in {duration(time.process_time() - begun)} of processor time")
    return 0


def law_curve(theta, sizes, tokens):
    """Return the losses of a law over sizes at a budget; theta may hold None for log 0."""
    law = LABS["scaling"].numpy
    numbers = np.array([-np.inf if value is None else value for value in theta])
    return law.predicted(numbers, np.log(sizes), np.log(np.full(len(sizes), float(tokens))))


def draw(log):
    """Return the Figure of seed 0: losses over sizes, a colour a budget, and both laws."""
    series = log.measured[0].series
    least, most = np.log10(series["parameters"][0]), np.log10(series["parameters"][-1])
    plot_ = Plot(46, 66, 400, 300, (np.floor(least), np.ceil(most)), UP)
    sizes = np.geomspace(10**least, 10**most, 40)
    pieces = [plot_.axes(range(int(np.floor(least)), int(np.ceil(most)) + 1), [1.5, 2.0, 2.5], 1),
              text(246, 406, "logarithm of the parameters, base 10", color="muted"),
              text(6, 18, "loss", anchor="start", color="muted")]
    for x, name, dash in (80, "Kaplan", None), (250, "Hoffmann", "5 4"):
        pieces += [line(x, 18, x + 30, 18, color="ink", width=2, dash=dash),
                   text(x + 38, 18, name, anchor="start")]
    for i, (tokens, color) in enumerate(zip(sorted(set(series["tokens"])), COLORS)):
        for name, dash in ("Kaplan", None), ("Hoffmann", "5 4"):
            pieces.append(plot_.curve(np.log10(sizes), law_curve(series[name], sizes, tokens),
                                      color=color, dash=dash, width=2))
        pieces.append(text(46 + 140 * i, 46, f"{tokens:,} tokens", anchor="start", color=color))
        pieces += [dot(*plot_.at(np.log10(n), loss), color=color, radius=5)
                   for n, d, loss in zip(*(series[key] for key in ("parameters", "tokens", "loss")))
                   if d == tokens]
    return figure(424, "Loss over size, at three budgets", "Each dot is a run of seed 0. The laws "
                  "are fitted to all but the largest size, whose dots stand at the right.", *pieces)


def plot(log):
    """Return the recorded losses of seed 0 and what the laws say, a row a run."""
    series = log.measured[0].series
    rows = ["seed 0", f"{'width':>5} {'parameters':>10} {'tokens':>10} {'operations':>10} "
            f"{'loss':>7} {'Kaplan':>7} {'Hoffmann':>8}"]
    for width, n, d, operations, loss in zip(*(series[key] for key in (
            "widths", "parameters", "tokens", "operations", "loss"))):
        kaplan, hoffmann = (law_curve(series[name], [n], d)[0] for name in ("Kaplan", "Hoffmann"))
        rows.append(f"{width:>5} {n:>10,} {d:>10,} {operations:>10.2e} {loss:>7.3f} "
                    f"{kaplan:>7.3f} {hoffmann:>8.3f}"
                    + ("  not seen by the fit" if width == sized_runs.UNSEEN else ""))
    return "\n".join(rows)
