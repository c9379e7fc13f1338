"""The folder of a run, and what is written into it."""

import contextlib
import functools
import tempfile
from pathlib import Path

from ..files import checkpoint, whole
from ..files.checkpoint import Checkpoint
from ..words import argument
from . import curve, log, stats
from .job import digest


class RunFolder:
    """The folder of a run: checkpoint.npz, best.npz, log.csv, loss.svg; stats.csv, stats.svg.

    The checkpoint is the one truth, and the log is in it. It is written last: a run that is cut off
    before goes on from the one before, and writes all of them anew.
    """

    kept = "checkpoint.npz", "best.npz"

    def __init__(self, folder):
        self.path = Path(folder)
        self.paths = self.checkpoint, self.best, self.curve, self.picture = [
            self.path / name for name in (*self.kept, "log.csv", "loss.svg")]
        self.stats, self.insides = self.path / "stats.csv", self.path / "stats.svg"
        self.unsaved = {}  # path: why it could not be written the last time

    @contextlib.contextmanager
    def held(self):
        """Make the folder, and hold its lock for a with block; one that stays empty is removed.

        Raises ValueError where it, or a file in it, can't be written, or another process trains
        there.
        """
        with contextlib.ExitStack() as stack:
            try:
                for path in (*reversed(self.path.parents), self.path):
                    if not path.exists():
                        stack.callback(remove_empty, path)
                self.path.mkdir(parents=True, exist_ok=True)
                stack.enter_context(whole.locked(self.path))
                self.check_room()
            except whole.Taken:
                raise ValueError(f"out is {self.path}, where another process is training; "
                                 "allowed: another --out, or once that one has ended") from None
            except OSError as error:
                raise ValueError(f"out is {self.path}, which can't be written ({error.strerror}); "
                                 "allowed: a folder with room, or where one can be made") from None
            whole.clear(self.path)
            yield

    def check_room(self):
        """Raise OSError where no file can be written, ValueError where one of ours is a folder."""
        with tempfile.TemporaryFile(dir=self.path) as probe:
            probe.write(b"0")  # a full disk makes files, but writes none
        for path in *self.paths, self.stats, self.insides, checkpoint.previous(self.checkpoint):
            if path.is_dir():
                raise ValueError(f"out is {self.path}, where {path.name} is a folder; "
                                 "allowed: a folder where it is a file or is not there")

    def save(self, job, params, state, generators, noted, side, say):
        """Save the run as it stands; say what can't be written, and let training go on."""
        run = {"batch_size": job.batch_size, "accumulate": job.accumulate, "seed": job.seed,
               "dtype": job.dtype, "with": side, **job.source.kept(), "digest": digest(job),
               "threads": job.threads, "stats": job.stats}
        saved = Checkpoint(job.config, job.schedule, params, state, generators,
                           job.tokenizer.to_dict(), run, noted)
        self.write_notes(job.config, noted, say)
        if is_best(noted, state.step):
            self.write(checkpoint.save_alone, self.best, saved, say)
        elif all(entry.valid is None for entry in noted.entries):
            with contextlib.suppress(OSError):
                self.best.unlink()  # of a run whose checkpoint was removed
        self.write(checkpoint.save, self.checkpoint, saved, say)

    def write_notes(self, config, noted, say):
        """Write the log and the pictures of it."""
        if noted.entries:
            self.write(log.write_log, self.curve, noted.entries, say)
            self.write(curve.write_svg, self.picture, noted.entries, say)
        if noted.stats:
            for path, writer in (self.stats, stats.write_csv), (self.insides, stats.write_picture):
                self.write(functools.partial(writer, config=config), path, noted.stats, say)

    def write(self, writer, path, content, say):
        """Write one file, or note why it can't be."""
        self.unsaved.pop(path, None)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            writer(path, content)
        except OSError as error:
            cause = error.__cause__ or error  # of NotSaved, what the system said
            self.unsaved[path] = cause.strerror or cause
            say(f"{path} is not saved ({self.unsaved[path]}); training goes on")

    def next_step(self, run):
        """Return what to do when a run has ended, a line."""
        return " ".join(["to write text: python -m compare sample" if run.whole else
                         f"to go on: python -m compare train --resume --with {run.side.name}",
                         "--out", argument(self.path),
                         *(() if run.whole else run.job.source.asked_for())])

    def written(self):
        """Return the files that stand here as the run does."""
        return [path for path in (*self.paths, self.stats, self.insides)
                if path.is_file() and path not in self.unsaved]


def is_best(noted, step):
    """Whether the validation loss measured at this step is the lowest so far."""
    *before, last = noted.entries or [None]
    return last is not None and last.step == step and last.valid is not None and all(
        entry.valid is None or last.valid < entry.valid for entry in before)


def remove_empty(path):
    """Remove a folder if nothing is in it."""
    with contextlib.suppress(OSError):
        path.rmdir()
