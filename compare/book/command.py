"""The command show."""

from ..layers.source import DERIVED
from ..words import check_layers, positive


def declare(verbs):
    """Declare the command and its flags."""
    show = verbs.add_parser("show", help="print both implementations of a layer side by side")
    show.set_defaults(run=run_show)
    show.add_argument("layer", metavar="LAYER", help=", ".join(DERIVED))
    show.add_argument("--width", type=positive, help="columns (default: the console's)")


def run_show(given):
    """Print the two columns."""
    from .show import print_columns
    check_layers([given.layer], DERIVED)
    print_columns(given.layer, given.width)
    return 0
