"""What asks a run to stop: Ctrl-C, the signals that end a process, and an output that is closed."""

import contextlib
import os
import signal

STOPPING = ("stopping after this step; a second Ctrl-C stops at once, and loses what came after "
            "the last checkpoint")
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK")
           if hasattr(signal, name)]  # SIGBREAK: a console that is closed on Windows
CLOSED = 13  # SIGPIPE, which Windows lacks


class Interrupt:
    """Turns a signal into a wish to stop after the step; only a second Ctrl-C stops at once.

    asked is 0, or the number of the first signal.
    """

    def __init__(self, tells):
        self.asked, self.writing, self.tells = 0, False, tells

    def __enter__(self):
        self.before = {number: signal.signal(number, self.ask) for number in SIGNALS
                       if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN}
        return self

    def ask(self, number, _=None):
        """Note the wish, and say so."""
        if self.asked and number == signal.SIGINT and not self.writing:
            raise KeyboardInterrupt
        if self.tells and not self.asked:
            with contextlib.suppress(OSError):  # not print, which may be what was interrupted
                os.write(2, f"\n{STOPPING}\n".encode())
        self.asked = self.asked or number

    @contextlib.contextmanager
    def waiting(self):
        """Let no Ctrl-C stop what a with block writes."""
        self.writing = True
        try:
            yield
        finally:
            self.writing = False

    @contextlib.contextmanager
    def reading(self):
        """Take an output that nobody reads any more as a wish to stop."""
        try:
            yield
        except OSError:
            self.asked = self.asked or CLOSED

    @property
    def code(self):
        """The exit code that a shell gives for what stopped the run."""
        return 128 + self.asked

    def __exit__(self, *_):
        for number, handler in self.before.items():
            signal.signal(number, handler)
