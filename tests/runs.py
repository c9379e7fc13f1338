"""Small runs of training, for the tests of what they leave behind."""

import csv
import os
import signal
import subprocess
import sys

from compare.__main__ import main
from compare.files.packing import Entry
from compare.layers.source import HOUSE
from compare.training import numpy_side, torch_side

TEXT = "to be, or not to be, that is the question: whether 'tis nobler in the mind. " * 40
SMALL = ["--block-size", "8", "--n-layer", "1", "--n-head", "2", "--n-embd", "8",
         "--batch-size", "4", "--steps", "20", "--warmup", "2"]


def train(*words, stop=None):
    """Run `train` on own.txt in this process; with `stop`, as if SIGINT came in that step."""
    sides = numpy_side.NumpySide, torch_side.TorchSide
    before = [side.steps for side in sides]

    def stopping(steps):
        def yielding(self, batches):
            for step in steps(self, batches):
                if step.index + 1 == stop:
                    signal.raise_signal(signal.SIGINT)
                yield step
        return yielding

    for side, steps in zip(sides, before):
        side.steps = stopping(steps)
    try:
        return main(["train", "--text", "own.txt", *words])
    finally:
        for side, steps in zip(sides, before):
            side.steps = steps


RUN = """
import signal
for name in "SIGHUP", "SIGQUIT", "SIGTERM":  # which a job in the background may ignore
    if hasattr(signal, name):
        signal.signal(getattr(signal, name), signal.SIG_DFL)
from compare.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def started(*words, code=RUN, **options):
    """Return a process that runs the command line, its outputs in pipes of text."""
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return subprocess.Popen([sys.executable, "-c", f"import sys\n{code}", *words],
                            env=os.environ | {"PYTHONPATH": str(HOUSE)}, **(pipes | options))


def entries(folder):
    """Return the entries of a run's log.csv."""
    with open(f"{folder}/log.csv", newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert tuple(header) == Entry._fields
    return [Entry(int(step), float(loss), float(valid) if valid else None, float(lr), float(norm))
            for step, loss, valid, lr, norm in rows]
