"""What a run says at its end."""

import contextlib
import math
import sys

from . import curve, stats
from .interrupt import CLOSED

POOR = 1.2  # times the loss of guessing: a model above that learned worse than nothing


def finish(run):
    """Print the loss curve and what the run left behind; return the exit code."""
    plot = [curve.text_plot(run.log.entries)] if run.log.entries else []
    inside = stats.table(run.log.stats, run.job.config) if run.log.stats else []
    with run.interrupt.reading():
        print(*plot, *inside, *files(run.folder), *ending(run), sep="\n", flush=True)
    if run.interrupt.asked == CLOSED:
        with contextlib.suppress(OSError):
            print("the output is closed", *ending(run), sep="\n", file=sys.stderr, flush=True)
    if run.folder.unsaved:
        return 1
    return 0 if run.whole and run.interrupt.asked != CLOSED else run.interrupt.code


def ending(run):
    """Yield how the run ended, and what to do next."""
    if run.whole:
        valid, guess = run.log.entries[-1].valid, math.log(run.job.config.vocab_size)
        yield f"validation loss {valid:.4f}, over the whole validation part"
        if valid > POOR * guess:
            yield (f"that is far above {guess:.4f}, the loss of guessing; allowed: more --steps, "
                   f"or a lower --lr, now {run.job.schedule.lr:g}")
    else:
        last = ", the last, before its validation" if run.done == run.steps else ""
        yield f"stopped after step {run.done}{last}"
    if run.folder.checkpoint not in run.folder.unsaved:
        yield run.folder.next_step(run)


def files(folder):
    """Yield which files are written, and which are not as the run stands now."""
    written = folder.written()
    if written:
        *names, last = [str(written[0])] + [path.name for path in written[1:]]
        yield f"{', '.join(names)} and {last} are written" if names else f"{last} is written"
    for path, reason in folder.unsaved.items():
        yield f"{path} is not saved as the run stands now ({reason})"
