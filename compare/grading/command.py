"""The commands exercise and grade."""

from ..layers.source import path_from_here, path_of
from ..words import argument, check_layers, positive


def declare(verbs):
    """Declare the commands and their flags."""
    exercise = verbs.add_parser("exercise", help="write a file whose backward you fill in")
    exercise.set_defaults(run=run_exercise)
    exercise.add_argument("layer", metavar="LAYER", help="such as softmax")
    exercise.add_argument("--output", metavar="FILE", help="(default: LAYER_exercise.py)")
    grade = verbs.add_parser("grade", help="say what is right and wrong in a backward, and why")
    grade.set_defaults(run=run_grade)
    grade.add_argument("file", metavar="FILE", help="an exercise, or any file of functions")
    grade.add_argument("--layer", metavar="LAYER", help="whose maths it is (default: what FILE "
                       "says, as in LAYER = \"softmax\", or is called)")
    grade.add_argument("--forward", default="forward", metavar="F", help="the function y, cache = "
                       "F(x, parameters) or y = F(...) in FILE (default: %(default)s)")
    grade.add_argument("--backward", default="backward", metavar="G", help="the function G(dy, "
                       "cache), or G(dy, x, parameters) if F returns y alone (default: "
                       "%(default)s)")
    grade.add_argument("--torch", action="store_true", help="give torch tensors, not arrays")
    grade.add_argument("--seconds", type=positive, default=60, help="the time limit "
                       "(default %(default)s)")


def run_exercise(given):
    """Write the file and say how to go on."""
    from ..layers.table import LAYERS
    from .exercise import write_exercise
    check_layers([given.layer], LAYERS)
    path = write_exercise(given.layer, given.output)
    print(f"{path} is written: fill in its backward, then\n    python -m compare grade "
          f"{argument(path)}\n"
          f"The derivation is in {path_from_here(path_of(given.layer, '.md'))}")
    return 0


def run_grade(given):
    """Print the verdict; return 1 if something is wrong. Torch is imported when it is asked."""
    from ..layers.table import LAYERS
    from . import kept, sandbox
    stem = given.layer or sandbox.layer_of(given.file)
    check_layers([stem], LAYERS)
    found = sandbox.run_submission(given.file, stem, forward=given.forward,
                                   backward=given.backward, torch=given.torch,
                                   seconds=given.seconds)
    from . import verdict
    right = verdict.print_verdict(given.file, stem, found)
    kept.write_ledgers()
    return 0 if right else 1
