"""What a run says at its end."""

import os
import shlex
import subprocess

from . import curve


def finish(job, entries, folder, side):
    """Print the loss curve and what the run left behind; return the exit code."""
    last, whole = entries[-1], entries[-1].step == job.schedule.steps
    print(curve.text_plot(entries))
    print_files(folder)
    if whole and last.valid is not None:
        print(f"validation loss {last.valid:.4f}, over the whole validation part")
    else:
        print(f"stopped after step {last.step}" + ", the last, before its validation" * whole)
    if folder.checkpoint not in folder.unsaved:
        print("to write text: python -m compare sample" if whole else
              f"to go on: python -m compare train --resume --with {side}",
              "--out", argument(folder.path))
    return 1 if folder.unsaved else 0 if whole else 130


def argument(path):
    """Return a path as a console takes it."""
    return subprocess.list2cmdline([str(path)]) if os.name == "nt" else shlex.quote(str(path))


def print_files(folder):
    """Say which files are written, and which are not as the run stands now."""
    written = [path for path in folder.paths if path not in folder.unsaved]
    if written:
        *names, last = [str(written[0])] + [path.name for path in written[1:]]
        print(f"{', '.join(names)} and {last} are written" if names else f"{last} is written")
    for path, reason in folder.unsaved.items():
        print(f"{path} is not saved as the run stands now ({reason})")
