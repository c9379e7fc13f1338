"""How a run shows itself while it goes on: a line of progress."""

import math
import sys
import time


class Progress:
    """One line that is written over on a terminal; some plain lines elsewhere."""

    def __init__(self, steps, done=0, stream=None, lines=20):
        self.steps, self.first = steps, done
        self.stream = sys.stdout if stream is None else stream
        self.terminal = self.stream.isatty()
        self.every = 1 if self.terminal else max(1, steps // lines)
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


def duration(seconds):
    """Return seconds in words."""
    for size, unit in (86400, "days"), (3600, "hours"), (60, "minutes"):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s" if math.isfinite(seconds) else "?"
