"""The commands check, gradcheck, precision and steps."""

from ..files.options import PRESETS
from ..layers.source import TEXTS
from ..progress import waiting
from ..words import check_layers, positive

EXAMPLES = 200  # of check


def declare(verbs):
    """Declare the commands and their flags."""
    check = verbs.add_parser("check", help="hold outputs and gradients against their oracles")
    check.set_defaults(run=run_check)
    check.add_argument("layers", nargs="*", metavar="LAYER",
                       help="such as softmax (default: all)")
    check.add_argument("--examples", type=positive, help="drawn examples a layer "
                       f"(default {EXAMPLES})")
    check.add_argument("--sizes", metavar="B=2,T=256", help="instead: one example of these sizes, "
                       "others as in the preset laptop")
    check.add_argument("--preset", metavar="NAME", help="likewise, of the sizes of a model: "
                       f"{', '.join(PRESETS)}")
    check.add_argument("--seed", type=int, help="of that example (default 0)")
    check.add_argument("--model", metavar="RUN", help="likewise, the loss of a trained model on "
                       "its own text: a run's folder, or a checkpoint")
    check.add_argument("--derivations", action="store_true", help="instead: run every block of the "
                       "derivations, and list each equation's line of code")
    gradcheck = verbs.add_parser("gradcheck", help="hold anyone's backward against their forward")
    gradcheck.set_defaults(run=run_gradcheck)
    gradcheck.add_argument("file", metavar="FILE", help="a Python file with forward, backward, and "
                           "SHAPES, such as {\"x\": \"B T C\"}, or example(rng, sizes)")
    gradcheck.add_argument("--forward", metavar="F", help="the function, class or object in FILE "
                           "(default: forward)")
    gradcheck.add_argument("--backward", metavar="G", help="the function G(dy, cache) if F returns "
                           "(y, cache), else G(dy, arguments of F) (default: backward)")
    gradcheck.add_argument("--torch", action="store_true", help="give torch tensors, not arrays")
    gradcheck.add_argument("--seconds", type=positive, default=60, help="the time limit "
                           "(default %(default)s)")
    precision = verbs.add_parser("precision",
                                 help="how near float32 comes to the truth, both sides")
    precision.set_defaults(run=run_precision)
    precision.add_argument("layers", nargs="*", metavar="LAYER",
                           help="such as layer_norm (default: all)")
    precision.add_argument("--examples", type=positive, default=30,
                           help="drawn examples a layer (default %(default)s)")
    steps = verbs.add_parser("steps", help="how the error of a difference depends on its step")
    steps.set_defaults(run=run_steps)
    steps.add_argument("layer", nargs="?", default="attention", metavar="LAYER",
                       help="such as gpt (default: %(default)s)")


def run_check(given):
    """Print the table; return 1 if a row fails."""
    own = [name for name in ("sizes", "preset", "model") if getattr(given, name) is not None]
    check_alone(given, own)
    if own:
        return 0 if check_own_sizes(given) else 1
    if given.derivations:
        if given.examples:
            raise ValueError("examples is given; allowed: only without --derivations, whose blocks "
                             "draw their own")
        from .derivations import print_tags
        check_layers(given.layers, TEXTS)
        return 0 if print_tags(given.layers) else 1
    from .check import print_checks
    return 0 if print_checks(rows_of(given.layers), given.examples or EXAMPLES) else 1


def run_gradcheck(given):
    """Print the report; return 1 if a gradient is wrong."""
    from .anyones import check_file
    return 0 if check_file(given.file, forward=given.forward, backward=given.backward,
                           torch=given.torch, seconds=given.seconds) else 1


def check_alone(given, own):
    """Refuse options of check that say nothing beside those of one example, or without them."""
    for name in "examples", "derivations":
        if own and getattr(given, name):
            raise ValueError(f"{name} is given; allowed: only without --{own[0]}")
    if given.seed is not None and (given.seed < 0 or not own):
        raise ValueError(f"seed is {given.seed}; allowed: an integer from 0 up, with --sizes, "
                         "--preset or --model")
    for name in "preset", "layers":
        if given.model is not None and getattr(given, name):
            raise ValueError(f"{name} is given; allowed: only without --model, which has its own")


def check_own_sizes(given):
    """Print the table of one example a layer, or of a trained model; return whether all passed."""
    from .own_sizes import own_sizes, parsed
    sizes, seed = parsed(given.sizes) if given.sizes is not None else {}, given.seed or 0
    if given.model is not None:
        from .model import print_model
        with_torch()
        return print_model(given.model, sizes, seed)
    layers = [(layer, own_sizes(layer, sizes, given.preset)) for layer in rows_of(given.layers)]
    from .at_size import print_findings
    from .room import check_room
    for layer, n in layers:
        check_room(layer, n)
    return all([print_findings(layer, n, seed) for layer, n in layers])


def run_precision(given):
    """Print the table; return 1 if a row fails."""
    from .precision import print_precision
    return 0 if print_precision(rows_of(given.layers), given.examples) else 1


def run_steps(given):
    """Print the study."""
    from .steps import print_study
    layer, = rows_of([given.layer])
    print_study(layer)
    return 0


def rows_of(stems):
    """Return the rows of the table for some layers, all of them for none."""
    with_torch()
    from ..layers.table import LAYERS
    check_layers(stems, LAYERS)
    return [LAYERS[stem] for stem in stems or LAYERS]


def with_torch():
    """Import torch, and let it work in one thread: most arrays are tiny."""
    with waiting.on("importing torch"):
        import torch
    torch.set_num_threads(1)  # a second thread only waits
