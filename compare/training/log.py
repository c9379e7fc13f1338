"""The log of a run, in CSV, as its checkpoint holds it."""

import csv
import io

from ..files.packing import Entry
from ..files.whole import written_whole

EVALUATIONS = 10   # of the validation loss in a run, and as many checkpoints
ENTRIES = 100      # at about as many steps, and where the validation loss is measured


def is_due(done, steps):
    """Whether the validation loss is measured after so many of the steps."""
    return done % max(1, steps // EVALUATIONS) == 0 or done == steps


def is_entered(done, steps):
    """Whether the log has an entry for the step."""
    return is_due(done, steps) or done % max(1, steps // ENTRIES) == 0


def is_owed(log, done, steps):
    """Whether a validation loss is due, but the run was stopped before it was measured."""
    last = log.entries[-1] if log.entries else None
    return last is not None and last.step == done and last.valid is None and is_due(done, steps)


def write_log(path, entries):
    """Write the entries as CSV, the names of the columns first."""
    write_rows(path, [Entry._fields, *entries])


def write_rows(path, rows):
    """Write rows as CSV, whole or not at all."""
    words = io.StringIO(newline="")
    csv.writer(words).writerows(rows)
    with written_whole(path) as file:
        file.write(words.getvalue().encode())


def noted(log, loss):
    """Return the log with the loss of one more step."""
    return log._replace(total=log.total + loss, count=log.count + 1)


def entered(log, step):
    """Return the log with an entry for the losses since the last one, the last being step's."""
    entry = Entry(step.index + 1, log.total / log.count, None, step.lr, float(step.norm))
    return log._replace(entries=(*log.entries, entry), total=0.0, count=0)


def measured(log, valid):
    """Return the log with the validation loss of its last entry."""
    return log._replace(entries=(*log.entries[:-1], log.entries[-1]._replace(valid=valid)))
