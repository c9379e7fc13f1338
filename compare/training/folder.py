"""The folder of a run, and what is written into it."""

import tempfile
from pathlib import Path

from ..files import checkpoint
from ..files.checkpoint import Checkpoint
from . import curve, log
from .job import digest


class RunFolder:
    """The folder of a run: checkpoint.npz, log.csv, loss.svg."""

    def __init__(self, folder):
        self.path = Path(folder)
        self.paths = self.checkpoint, self.curve, self.picture = [
            self.path / name for name in ("checkpoint.npz", "log.csv", "loss.svg")]
        self.unsaved = {}  # path: why it could not be written the last time

    def prepare(self):
        """Make the folder; raises ValueError where it, or a file in it, can't be written."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path) as probe:
                probe.write(b"0")  # a full disk makes files, but writes none
        except OSError as error:
            raise ValueError(f"out is {self.path}, which can't be written ({error.strerror}); "
                             "allowed: a folder with room, or where one can be made") from None
        for path in *self.paths, checkpoint.previous(self.checkpoint):
            if path.is_dir():
                raise ValueError(f"out is {self.path}, where {path.name} is a folder; "
                                 "allowed: a folder where it is a file or is not there")

    def log(self):
        return log.read_log(self.curve)

    def save(self, job, params, state, generators, entries, side, shown):
        """Save the run as it stands; say what can't be written, and let training go on."""
        run = {"batch_size": job.batch_size, "seed": job.seed, "dtype": job.dtype, "with": side,
               "text": job.source, "digest": digest(job), "threads": job.threads}
        saved = Checkpoint(job.config, job.schedule, params, state, generators,
                           job.tokenizer.to_dict(), run)
        self.write(checkpoint.save, self.checkpoint, saved, shown)
        self.save_log(entries, shown)

    def save_log(self, entries, shown):
        """Save the log and its picture alone."""
        self.write(log.write_log, self.curve, entries, shown)
        self.write(curve.write_svg, self.picture, entries, shown)

    def write(self, writer, path, content, shown):
        """Write one file, or note why it can't be."""
        self.unsaved.pop(path, None)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            writer(path, content)
        except OSError as error:
            cause = error.__cause__ or error  # of NotSaved, what the system said
            self.unsaved[path] = cause.strerror or cause
            shown.note(f"{path} is not saved ({self.unsaved[path]}); training goes on")
