"""The command line: python -m compare check | show | train | ..., or nothing for those in short."""

import argparse
import os
import sys
from pathlib import Path

from .training.options import FOLDER, MERGES, MODEL, PRESETS, RUN, SCHEDULE

HOUSE = Path(__file__).parent.parent
DERIVED = sorted(path.stem for path in (HOUSE / "reference").rglob("[a-z]*.md"))


def parser():
    """Return the parser of the whole command line."""
    top = argparse.ArgumentParser(
        prog="python -m compare", description="One GPT, written twice: NumPy beside torch. "
        "Without a command: check, show and train in short.")
    verbs = top.add_subparsers(dest="verb", metavar="COMMAND")
    check = verbs.add_parser("check", help="hold outputs and gradients against their witnesses")
    check.add_argument("layers", nargs="*", metavar="LAYER",
                       help="such as softmax (default: all)")
    check.add_argument("--examples", type=positive, default=200, help="drawn examples a layer "
                       "and precision (default %(default)s)")
    check.add_argument("--derivations", action="store_true", help="instead: run every block of the "
                       "derivations, and list each equation's line of code")
    precision = verbs.add_parser("precision", help="how near float32 comes to the truth, both sides")
    precision.add_argument("layers", nargs="*", metavar="LAYER",
                           help="such as layer_norm (default: all)")
    precision.add_argument("--examples", type=positive, default=30,
                           help="drawn examples a layer (default %(default)s)")
    steps = verbs.add_parser("steps", help="how the error of a difference depends on its step")
    steps.add_argument("layer", nargs="?", default="attention", metavar="LAYER",
                       help="such as gpt (default: %(default)s)")
    exercise = verbs.add_parser("exercise", help="write a file whose backward you fill in")
    exercise.add_argument("layer", metavar="LAYER", help="such as softmax")
    exercise.add_argument("--output", metavar="FILE", help="(default: LAYER_exercise.py)")
    grade = verbs.add_parser("grade", help="say what is right and wrong in a backward, and why")
    grade.add_argument("file", metavar="FILE", help="an exercise, or any file of functions")
    grade.add_argument("--layer", metavar="LAYER", help="whose maths it is (default: what FILE "
                       "says, as in LAYER = \"softmax\")")
    grade.add_argument("--forward", default="forward", metavar="F", help="the function y, cache = "
                       "F(x, parameters) or y = F(...) in FILE (default: %(default)s)")
    grade.add_argument("--backward", default="backward", metavar="G", help="the function G(dy, "
                       "cache), or G(dy, x, parameters) if F returns y alone (default: %(default)s)")
    grade.add_argument("--torch", action="store_true", help="give torch tensors, not arrays")
    grade.add_argument("--seconds", type=positive, default=60, help="the time limit "
                       "(default %(default)s)")
    show = verbs.add_parser("show", help="print both implementations of a layer side by side")
    show.add_argument("layer", metavar="LAYER", help=", ".join(DERIVED))
    show.add_argument("--width", type=positive, help="columns (default: the console's)")
    train = verbs.add_parser("train", help="train either GPT, or both in lockstep")
    train.add_argument("--with", dest="side", choices=("numpy", "torch", "both"), default="both",
                       help="which implementation (default %(default)s: in lockstep, nothing saved)")
    train.add_argument("--text", metavar="FILE", help="a UTF-8 file (default: the language "
                       "reference that ships inside Python)")
    train.add_argument("--tokenizer", choices=("characters", "bytes", "bpe", "gpt2"),
                       help="(default characters)")
    train.add_argument("--merges", type=int, help=f"of bpe (default {MERGES})")
    train.add_argument("--gpt2-files", metavar="FOLDER",
                       help="that holds vocab.bpe and encoder.json (default: this one)")
    train.add_argument("--dtype", choices=("float64", "float32"),
                       help="(default float32, and float64 with both)")
    train.add_argument("--out", metavar="FOLDER", help="for checkpoint.npz, log.csv and loss.svg "
                       f"(default {FOLDER})")
    train.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out, "
                       "with its settings")
    train.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="of torch")
    train.add_argument("--autocast", action="store_true", help="bfloat16 products, with torch")
    train.add_argument("--threads", type=positive, help="that work at one time; with numpy in as "
                       "many processes, over which each batch is split (default: as many as cores, "
                       "%d here)" % os.cpu_count())
    train.add_argument("--compile", action="store_true", help="torch.compile")
    plan = verbs.add_parser("plan", help="memory, operations and time of a configuration")
    plan.add_argument("--dtype", choices=("float64", "float32"), default="float32")
    for verb in train, plan:
        verb.add_argument("--preset", metavar="NAME", help=", ".join(PRESETS))
        for name, (default, words) in (MODEL | SCHEDULE | RUN).items():
            verb.add_argument(f"--{name.replace('_', '-')}", type=type(default),
                              help=f"{words} (default {default})")
    sample = verbs.add_parser("sample", help="write text with a trained model")
    sample.add_argument("--out", metavar="FOLDER", default=FOLDER, help="of the training "
                        "(default %(default)s)")
    sample.add_argument("--weights", metavar="FILE", help="instead: GPT-2's weights (.npz, "
                        ".safetensors, .pt, .bin), with --gpt2-files")
    sample.add_argument("--gpt2-files", metavar="FOLDER", default=".",
                        help="that holds vocab.bpe and encoder.json (default: this one)")
    sample.add_argument("--n-head", type=positive, help="of --weights (default: n_embd / 64)")
    sample.add_argument("--with", dest="side", choices=("numpy", "torch"), default="numpy",
                        help="which implementation (default %(default)s)")
    sample.add_argument("--prompt", help="the text to continue (default: a new line)")
    sample.add_argument("--count", type=positive, default=500, help="tokens (default %(default)s)")
    sample.add_argument("--samples", type=positive, default=1, help="(default %(default)s)")
    sample.add_argument("--temperature", type=float, default=1.0, help="(default %(default)s)")
    sample.add_argument("--top-k", type=positive, help="keep the k likeliest tokens")
    sample.add_argument("--top-p", type=float, default=1.0, help="keep the likeliest tokens that "
                        "sum to p (default %(default)s)")
    sample.add_argument("--seed", type=int, default=0, help="(default %(default)s)")
    sample.add_argument("--time", action="store_true", help="say how many tokens came a second")
    sample.add_argument("--uncached", action="store_true", help="keep no keys and values")
    bench = verbs.add_parser("bench", help="NumPy's speed and memory beside torch's")
    bench.add_argument("--sizes", type=int, choices=range(1, 6), nargs="+", metavar="N", default=[1, 2, 3, 4, 5],
                       help="which of the five (default: all)")
    bench.add_argument("--threads", type=positive, default=os.cpu_count(),
                       help="of each side (default: as many as cores, %(default)s here)")
    bench.add_argument("--turns", type=positive, default=7, help="of each side and size "
                       "(default %(default)s)")
    bench.add_argument("--json", metavar="FILE", default="bench.json", help="(default %(default)s)")
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

    from .checks import derivations
    from .checks.check import print_table
    from .layers.table import LAYERS
    if options.derivations:
        return 0 if derivations.print_table() else 1
    known(options.layers, LAYERS)
    torch.set_num_threads(1)  # the arrays are tiny: a second thread only waits
    return 0 if print_table([LAYERS[s] for s in options.layers or LAYERS], options.examples) else 1


def run_precision(options):
    """Print the table; return 1 if a row fails."""
    import torch

    from .layers.table import LAYERS
    from .checks.precision import print_table
    known(options.layers, LAYERS)
    torch.set_num_threads(1)
    return 0 if print_table([LAYERS[s] for s in options.layers or LAYERS], options.examples) else 1


def run_steps(options):
    """Print the study."""
    from .layers.table import LAYERS
    from .checks.steps import print_study
    known([options.layer], LAYERS)
    print_study(LAYERS[options.layer])
    return 0


def run_exercise(options):
    """Write the file and say how to go on."""
    from .grading import exercise
    from .layers.table import LAYERS
    known([options.layer], LAYERS)
    path = exercise.write(options.layer, options.output)
    print(f"{path} is written: fill in its backward, then\n    python -m compare grade {path}\n"
          f"The derivation is in reference/{options.layer}.md")
    return 0


def run_grade(options):
    """Print the verdict; return 1 if something is wrong."""
    import torch

    from .grading import sandbox, verdict
    from .layers.table import LAYERS
    stem = options.layer or sandbox.layer_of(options.file)
    known([stem], LAYERS)
    torch.set_num_threads(1)
    found = sandbox.run(options.file, stem, forward=options.forward,
                               backward=options.backward, torch=options.torch,
                               seconds=options.seconds)
    return 0 if verdict.print_verdict(options.file, stem, found) else 1


def run_show(options):
    """Print the two columns."""
    from .book.show import show
    known([options.layer], DERIVED)
    show(options.layer, options.width)
    return 0


def run_train(options):
    """Train one side or both and print what came of it."""
    from .training import command
    if options.side == "numpy":
        return command.train(options)
    import torch
    torch.set_num_threads(options.threads or torch.get_num_threads() if options.side == "torch" else 1)
    return command.lockstep(options) if options.side == "both" else command.train(options)


def run_plan(options):
    """Print the plan of a configuration."""
    from .training import command
    return command.plan(options)


def run_sample(options):
    """Write text, token by token."""
    from .training import command
    return command.sample(options)


def run_bench(options):
    """Print the tables."""
    from .bench import bench
    bench.run(options.sizes, options.threads, options.turns, options.json)
    return 0


def run_demo(_):
    """Run check, show and train in short."""
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
    verbs = {"check": run_check, "precision": run_precision, "steps": run_steps,
             "exercise": run_exercise, "grade": run_grade, "show": run_show, "train": run_train,
             "plan": run_plan, "sample": run_sample, "bench": run_bench, None: run_demo}
    return verbs[options.verb](options)


def main(words=None):
    """Run the command line; what a user got wrong is one sentence and exit code 2."""
    for stream in sys.stdout, sys.stderr:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a code page that lacks a character
    try:
        return main_of(parser().parse_args(words))
    except (ValueError, FloatingPointError, ChildProcessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        print("error: torch is not installed; allowed: --with numpy, show, plan, or "
              "python -m pip install -r requirements.txt", file=sys.stderr)
        return 2
    except MemoryError as error:
        print(f"error: there is too little memory ({error}); "
              "allowed: smaller sizes, see python -m compare plan", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0


if __name__ == "__main__":
    sys.exit(main())
