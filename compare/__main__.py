"""The command line: python -m compare check | show | train | ..., or nothing for those in short."""

import argparse
import contextlib
import os
import sys
import time

from .bench import command as bench
from .book import command as book
from .checks import command as checks
from .files import command as files
from .grading import command as grading
from .labs import command as labs
from .progress import waiting
from .training import command as training

CLOSED = 128 + 13  # as a shell reports a closed pipe
DEMO = ["check", "--examples", "25"], ["show", "layer_norm"], ["train"]


def parser():
    """Return the parser of the whole command line; each room declares its own part."""
    top = argparse.ArgumentParser(
        prog="python -m compare", description="One GPT, written twice: NumPy beside torch. "
        "Without a command: check, show and train in short.")
    top.set_defaults(run=run_demo)
    verbs = top.add_subparsers(dest="verb", metavar="COMMAND")
    for room in checks, grading, book, training, labs, files, bench:
        room.declare(verbs)
    return top


def run_demo(_):
    """Run check, show and train in short."""
    whole = parser()
    for words in DEMO:
        print(f"\n$ python -m compare {' '.join(words)}\n", flush=True)
        given = whole.parse_args(words)
        if code := given.run(given):
            return code
    return 0


def refuse(sentence):
    """Say what was wrong, and return the exit code."""
    waiting.clear()
    if os.environ.get("LOCAL_RANK", "0") != "0":  # of torchrun, which ends all when one has ended:
        time.sleep(5)                             # so that the first alone says what all would say
    with contextlib.suppress(OSError):
        print(f"error: {sentence}", file=sys.stderr)
    return 2


def main(words=None):
    """Run the command line; what a user got wrong is one sentence and exit code 2."""
    for name in "stdout", "stderr":
        if getattr(sys, name) is None:  # closed by whoever started this
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))
    for stream in sys.stdout, sys.stderr:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a code page that lacks a character
    try:
        given = parser().parse_args(words)
        code = given.run(given)
        sys.stdout.flush()
        return code
    except (ValueError, FloatingPointError, ChildProcessError) as error:
        return refuse(error)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        return refuse("torch is not installed; allowed: --with numpy, show, plan, or python -m pip "
                      "install -r requirements.txt")
    except MemoryError as error:
        return refuse(f"there is too little memory ({error}); "
                      "allowed: smaller sizes, see python -m compare plan")
    except KeyboardInterrupt:
        waiting.clear()
        print("\nstopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return CLOSED
    except OSError as error:  # such as a disk that is full
        return refuse(f"{error.filename or 'the output'} can't be used ({error.strerror or error})")
    finally:
        let_go()


def let_go():
    """Give up an output that nobody reads any more, or Python would complain of it at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
