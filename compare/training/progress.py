"""How a run shows itself: a line of progress, a log in CSV, a loss curve in SVG and in characters."""

import contextlib
import csv
import io
import math
import os
import sys
import time
from pathlib import Path
from typing import NamedTuple


class Entry(NamedTuple):
    """A line of the log."""

    step: int            # updates made
    loss: float          # mean of the training batches since the line before
    valid: float | None  # of the validation text, where it was measured
    lr: float
    norm: float          # of the last gradient, before clipping


class Progress:
    """One line that is written over on a terminal; plain lines, some twenty, elsewhere."""

    def __init__(self, steps, done=0, stream=None):
        self.steps, self.first = steps, done
        self.stream = sys.stdout if stream is None else stream
        self.terminal = self.stream.isatty()
        self.every = 1 if self.terminal else max(1, steps // 20)
        self.begun, self.shown = None, 0

    def show(self, step, tokens, words):
        """Show where the run stands after an update; tokens is how many one update reads."""
        self.begun = self.begun or (time.perf_counter(), step)  # the first update warms up
        if not (step in (self.first + 1, self.steps) or step % self.every == 0):
            return
        line = f"step {step:>{len(str(self.steps))}} of {self.steps}  {words}"
        start, at = self.begun
        if step > at:
            each = (time.perf_counter() - start) / (step - at)
            line += f"  {tokens / each:,.0f} tokens/s"
            if step < self.steps:
                line += f"  {duration(each * (self.steps - step))} left"
        self.write(line, step == self.steps)

    def write(self, line, last):
        """Write a line over the one before, or below it."""
        if not self.terminal:
            print(line, file=self.stream, flush=True)
            return
        padded = line.ljust(self.shown)
        self.shown = len(line)
        print(f"\r{padded}", end="\n" if last else "", file=self.stream, flush=True)

    def note(self, line):
        """Write a line of its own that stays."""
        if self.terminal and self.shown:
            print("\r" + " " * self.shown, end="\r", file=self.stream)
            self.shown = 0
        print(line, file=self.stream, flush=True)


def write_log(path, entries):
    """Write the entries as CSV, the names of the columns first."""
    rows = io.StringIO(newline="")
    csv.writer(rows).writerows([Entry._fields, *entries])
    write(path, rows.getvalue())


def write(path, words):
    """Write a text file; however the process ends, path holds all of it or what it held before."""
    unfinished = Path(f"{path}.unfinished")
    try:
        unfinished.write_text(words, encoding="utf-8", newline="")
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def read_log(path):
    """Return the entries of a log: none where it is missing, and no line that is cut or is none."""
    try:
        words = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    entries = []
    for line in words[:words.rfind("\n") + 1].splitlines():
        with contextlib.suppress(ValueError):
            entries.append(entry_of(line))
    return entries


def entry_of(line):
    """Return the Entry of a line of the log; raises ValueError where it is none."""
    step, loss, valid, lr, norm = line.split(",")
    entry = Entry(int(step), float(loss), float(valid) if valid else None, float(lr), float(norm))
    if not (entry.step >= 1 and all(0 <= n < math.inf for n in entry[1:] if n is not None)):
        raise ValueError(f"line is {line}; allowed: a step from 1 and finite numbers from 0 up")
    return entry


def curves(entries):
    """Return the points (step, loss) of the two curves, by name."""
    return {"training": [(e.step, e.loss) for e in entries],
            "validation": [(e.step, e.valid) for e in entries if e.valid is not None]}


class Frame:
    """Where a point of the curves stands in a picture of a width and a height."""

    def __init__(self, entries, width, height):
        points = [point for curve in curves(entries).values() for point in curve]
        self.left, self.right = 0, max(step for step, _ in points)
        self.low = min(loss for _, loss in points)
        self.high = max(max(loss for _, loss in points), self.low + 1e-9)
        self.width, self.height = width, height

    def place(self, step, loss):
        """Return (x, y) from the upper left corner."""
        x = step / max(1, self.right) * self.width
        return x, (self.high - loss) / (self.high - self.low) * self.height


def text_plot(entries, width=64, height=12):
    """Return the loss curves in plain characters: . for training, o for validation."""
    frame = Frame(entries, width - 1, height - 1)
    cells = [[" "] * width for _ in range(height)]
    for mark, points in zip(".o", curves(entries).values()):
        for point in points:
            x, y = frame.place(*point)
            cells[round(y)][round(x)] = mark
    lines = [f"{'':>8} |{''.join(row)}" for row in cells]
    lines[0] = f"{frame.high:>8.3f}{lines[0][8:]}"
    lines[-1] = f"{frame.low:>8.3f}{lines[-1][8:]}"
    foot = f"{'':>8} +{'-' * width}\n{'':>9} 0{frame.right:>{width - 1}}"
    return "\n".join(line.rstrip() for line in lines) + f"\n{foot}\n{'':>10} . training   o validation"


SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 400" font-family="sans-serif" \
font-size="13">
<title>{title}</title>
<rect width="720" height="400" fill="white"/>
<g transform="translate(60 30)">
{grid}
<polyline fill="none" stroke="#4878a8" stroke-width="1.5" points="{training}"/>
<polyline fill="none" stroke="#c05020" stroke-width="2.5" points="{validation}"/>
<text x="600" y="-10" text-anchor="end" fill="#4878a8">training</text>
<text x="530" y="-10" text-anchor="end" fill="#c05020">validation</text>
<text x="0" y="-10">loss</text>
<text x="600" y="350" text-anchor="end">step {last}</text>
</g>
</svg>
"""
LINE = ('<line x1="0" x2="600" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>'
        '<text x="-8" y="{text:.1f}" text-anchor="end">{loss:.2f}</text>')


def write_svg(path, entries, title="loss"):
    """Write the loss curves as a picture."""
    frame = Frame(entries, 600, 320)
    losses = [frame.low + (frame.high - frame.low) * k / 4 for k in range(5)]
    grid = "\n".join(LINE.format(y=frame.place(0, loss)[1], text=frame.place(0, loss)[1] + 4,
                                 loss=loss) for loss in losses)
    lines = {name: " ".join("{:.1f},{:.1f}".format(*frame.place(*p)) for p in points)
             for name, points in curves(entries).items()}
    write(path, SVG.format(title=title, grid=grid, last=frame.right, **lines))


def duration(seconds):
    """Return seconds in words."""
    for size, unit in (86400, "days"), (3600, "hours"), (60, "minutes"):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s" if math.isfinite(seconds) else "?"
