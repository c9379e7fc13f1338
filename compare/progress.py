"""How far a command is while it goes on: one line on a terminal that is written over."""

import contextlib
import math
import shutil
import sys
import time

OFTEN = 0.1  # seconds from one drawing to the next: they cost nothing


class Line:
    """A line on a terminal that is written over."""

    def __init__(self, stream):
        self.stream, self.shown = stream, 0
        self.terminal = stream.isatty()

    def write(self, words, last=False):
        """Write words in place of those before; the last ones stay, and may be wider than it."""
        if not last:
            words = words[:shutil.get_terminal_size().columns - 1]  # or it would not be one line
        end = "\n" if last else ""
        print(f"\r{words.ljust(self.shown)}", end=end, file=self.stream, flush=True)
        self.shown = 0 if last else len(words)

    def clear(self):
        """Leave nothing of it."""
        if self.shown:
            print("\r" + " " * self.shown, end="\r", file=self.stream, flush=True)
            self.shown = 0


class Progress:
    """The progress of a training: a line on a terminal; some plain lines elsewhere."""

    def __init__(self, steps, done=0, stream=None, lines=20):
        self.steps, self.first = steps, done
        self.line = Line(sys.stdout if stream is None else stream)
        self.every = 1 if self.line.terminal else max(1, steps // lines)
        self.begun = None

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
        if self.line.terminal:
            self.line.write(line, step == self.steps)
        else:
            self.note(line)

    def note(self, line):
        """Write a line of its own that stays."""
        self.line.clear()
        print(line, file=self.line.stream, flush=True)


class Waiting:
    """The line of a command that has nothing to print yet, on the standard error stream.

    It is in no table that goes elsewhere; where that stream is no terminal, it is not written.
    """

    def __init__(self):
        self.line, self.begun, self.drawn = None, 0.0, 0.0
        self.loops = []  # from the outermost: (how many are done, of how many, the next one's word)

    def over(self, items, word=lambda item: ""):
        """Yield the items; the line says how far all loops are, and word(item) what is done next.

        Loops may be in one another. The line is gone where one ends, so print after that, and
        before the next begins.
        """
        items, depth = list(items), len(self.loops)
        if not depth:
            self.line, self.begun = Line(sys.stderr), time.perf_counter()
        if not self.line.terminal:
            yield from items
            return
        try:
            for done, item in enumerate(items):
                self.loops[depth:] = [(done, len(items), word(item))]
                self.draw(time.perf_counter())
                yield item
        finally:  # also where the loop is left early
            del self.loops[depth:]
            self.clear()

    @contextlib.contextmanager
    def on(self, what):
        """Say on the line what a with block does."""
        for _ in self.over([what], str):
            yield

    def draw(self, now):
        """Draw the line, unless it has just been drawn."""
        if self.line.shown and now < self.drawn + OFTEN:
            return
        share, part = 0.0, 1.0
        for done, count, _ in self.loops:
            part /= count
            share += done * part
        spent, words = now - self.begun, [word for *_, word in self.loops if word]
        if part < 1:
            words.insert(0, f"{share:4.0%}")
        if share and spent > 1:
            words.append(f"{duration(spent * (1 - share) / share)} left")
        self.line.write("  ".join(words))
        self.drawn = now

    def clear(self):
        """Make room for what is printed."""
        if self.line:
            self.line.clear()


waiting = Waiting()  # of the process: a loop need not know which others it is in


def duration(seconds):
    """Return seconds in words, to two digits or more."""
    if not math.isfinite(seconds):
        return "?"
    for size, unit in (86400, "days"), (3600, "hours"), (60, "minutes"):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 9.95 else f"{seconds:.2g} s"
