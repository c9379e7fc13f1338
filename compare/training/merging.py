"""What the training of a tokenizer says while it goes on, and where it ends early."""

import time

from ..progress import Progress

QUIET = 2.0  # seconds, before the first line


class Merging:
    """A line of progress of merges that take long; called with how many are made."""

    def __init__(self, merges, shown=None, clock=time.perf_counter):
        self.merges, self.clock, self.told = merges, clock, False
        self.shown = Progress(merges) if shown is None else shown
        self.pause = 0.1 if self.shown.line.terminal else 10.0  # seconds, between lines
        self.due = clock() + QUIET

    def __call__(self, made):
        last = made == self.merges
        if self.clock() >= self.due or last and self.told:
            words = f"bpe merge {made} of {self.merges}"
            if self.shown.line.terminal:
                self.shown.line.write(words, last)
            else:
                self.shown.note(words)
            self.told, self.due = True, self.clock() + self.pause

    def end(self, made):
        """Say so where fewer merges were made than asked for."""
        if made < self.merges:
            self.shown.note(f"bpe made {made} of {self.merges} merges: no pair is left to join")
