"""What words of the command line may be, and words that are printed."""

import argparse
import contextlib
import os
import platform
import shlex
import subprocess


def positive(word):
    """Return the integer of a word, at least 1."""
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{word} is not allowed; allowed: an integer from 1 up")
    return number


def argument(path):
    """Return a path as a console takes it."""
    return subprocess.list2cmdline([str(path)]) if os.name == "nt" else shlex.quote(str(path))


def counted(number, noun):
    """Return "1 step" or "2,000 steps"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def processor():
    """Return the name of the processor."""
    with contextlib.suppress(OSError, StopIteration), open("/proc/cpuinfo") as file:
        return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    return platform.processor() or platform.machine()


def check_layers(stems, allowed):
    """Refuse a layer that is not in the table with a ValueError."""
    for stem in stems:
        if stem not in allowed:
            raise ValueError(f"LAYER is {stem}; allowed: {', '.join(allowed)}")
