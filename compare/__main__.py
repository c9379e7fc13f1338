"""The command line: python -m compare check | show | train, or nothing for all three in short."""

import argparse
import sys
from dataclasses import fields
from pathlib import Path

from reference.gpt import Config
from reference.train import Schedule

HOUSE = Path(__file__).parent.parent
DERIVED = sorted(path.stem for path in (HOUSE / "reference").glob("[a-z]*.md"))

MODEL = {  # name: (default, help)
    "block_size": (32, "tokens in a sequence (T, and S of the position table)"),
    "n_layer": (2, "blocks (L)"),
    "n_head": (4, "heads (H)"),
    "n_embd": (64, "channels (C)"),
    "dropout": (0.0, "the rate of every dropout, its masks shared by both sides"),
}
SCHEDULE = {
    "steps": (600, "updates"),
    "lr": (4e-3, "the highest learning rate"),
    "min_lr": (4e-4, "the learning rate at the end of the cosine"),
    "warmup": (50, "updates in which the learning rate rises"),
    "beta1": (0.9, "AdamW's decay of the mean gradient"),
    "beta2": (0.99, "AdamW's decay of the mean squared gradient"),
    "eps": (1e-8, "AdamW's term against division by zero"),
    "weight_decay": (0.1, "AdamW's decay of the matrices"),
    "clip": (1.0, "the largest norm of the gradient"),
}
RUN = {
    "batch_size": (16, "sequences in a batch (B)"),
    "seed": (0, "of the initial values, batches, masks and samples"),
}


def parser():
    """Return the parser of the whole command line."""
    top = argparse.ArgumentParser(
        prog="python -m compare", description="One GPT, written twice: NumPy beside torch. "
        "Without a command: all three in short.")
    verbs = top.add_subparsers(dest="verb", metavar="check | show | train")
    check = verbs.add_parser("check", help="compare outputs and gradients on drawn examples")
    check.add_argument("layers", nargs="*", metavar="LAYER",
                       help="such as softmax (default: all)")
    check.add_argument("--examples", type=positive, default=200, help="drawn examples a layer "
                       "and precision (default %(default)s)")
    show = verbs.add_parser("show", help="print both implementations of a layer side by side")
    show.add_argument("layer", metavar="LAYER", help=", ".join(DERIVED))
    show.add_argument("--width", type=positive, help="columns (default: the console's)")
    train = verbs.add_parser("train", help="train both GPTs in lockstep")
    train.add_argument("--text", metavar="FILE", help="a UTF-8 file (default: the language "
                       "reference that ships inside Python)")
    train.add_argument("--dtype", choices=("float64", "float32"), default="float64")
    for name, (default, words) in (MODEL | SCHEDULE | RUN).items():
        train.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default,
                           help=f"{words} (default {default})")
    return top


def positive(word):
    """Return the integer of a word, at least 1."""
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{word} is not allowed; allowed: an integer from 1 up")
    return number


def run_check(options):
    """Print the table; return 1 if a row fails."""
    import torch

    from .check import print_table
    from .layers import LAYERS
    known(options.layers, LAYERS)
    torch.set_num_threads(1)  # the arrays are tiny: a second thread only waits
    return 0 if print_table([LAYERS[s] for s in options.layers or LAYERS], options.examples) else 1


def run_show(options):
    """Print the two columns."""
    from .show import show
    known([options.layer], DERIVED)
    show(options.layer, options.width)
    return 0


def run_train(options):
    """Train both sides and print what came of it."""
    import torch

    from . import lockstep, text
    torch.set_num_threads(1)  # its idle threads would spin while NumPy works
    corpus = text.load(options.text)
    if options.batch_size < 1:
        raise ValueError(f"batch_size is {options.batch_size}; allowed: an integer from 1 up")
    if options.seed < 0:
        raise ValueError(f"seed is {options.seed}; allowed: an integer from 0 up")
    model = {name: getattr(options, name) for name in MODEL}
    schedule = Schedule(**{f.name: getattr(options, f.name) for f in fields(Schedule)})
    config = Config(vocab_size=max(1, len(set(corpus))), **model)
    lockstep.report(lockstep.Run(config, schedule, options.batch_size, options.seed,
                                 options.dtype), corpus)
    return 0


def run_demo(_):
    """Run all three in short."""
    whole = parser()
    for words in (["check", "--examples", "25"], ["show", "layer_norm"], ["train"]):
        print(f"\n$ python -m compare {' '.join(words)}\n", flush=True)
        code = main_of(whole.parse_args(words))
        if code:
            return code
    return 0


def known(stems, allowed):
    """Refuse a layer that is not in the table with a ValueError."""
    for stem in stems:
        if stem not in allowed:
            raise ValueError(f"LAYER is {stem}; allowed: {', '.join(allowed)}")


def main_of(options):
    """Run the verb that was parsed and return the exit code."""
    verbs = {"check": run_check, "show": run_show, "train": run_train, None: run_demo}
    return verbs[options.verb](options)


def main(words=None):
    """Run the command line; what a user got wrong is one sentence and exit code 2."""
    for stream in sys.stdout, sys.stderr:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a code page that lacks a character
    try:
        return main_of(parser().parse_args(words))
    except (ValueError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0


if __name__ == "__main__":
    sys.exit(main())
