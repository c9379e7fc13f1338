"""The log of a run, in CSV."""

import contextlib
import csv
import io
import math
import os
from pathlib import Path
from typing import NamedTuple


class Entry(NamedTuple):
    """A line of the log."""

    step: int            # updates made
    loss: float          # mean of the training batches since the line before
    valid: float | None  # of the validation text, where it was measured
    lr: float
    norm: float          # of the last gradient, before clipping


def write_log(path, entries):
    """Write the entries as CSV, the names of the columns first."""
    rows = io.StringIO(newline="")
    csv.writer(rows).writerows([Entry._fields, *entries])
    write_whole(path, rows.getvalue())


def write_whole(path, words):
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
