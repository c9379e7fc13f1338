"""The commands show and book."""

import webbrowser
from pathlib import Path

from ..layers.source import DERIVED
from ..words import check_layers, positive


def declare(verbs):
    """Declare the commands and their flags."""
    show = verbs.add_parser("show", help="print both implementations of a layer side by side")
    show.set_defaults(run=run_show)
    show.add_argument("layer", metavar="LAYER", help=", ".join(DERIVED))
    show.add_argument("--width", type=positive, help="columns (default: the console's)")
    book = verbs.add_parser("book", help="write the book: each layer's equations, NumPy, torch and numbers on a page")
    book.set_defaults(run=run_book)
    book.add_argument("--out", metavar="FOLDER", default="book", help="(default: book)")
    book.add_argument("--open", action="store_true", help="open its cover in the browser")


def run_show(given):
    """Print the two columns."""
    from .show import print_columns
    check_layers([given.layer], DERIVED)
    print_columns(given.layer, given.width)
    return 0


def run_book(given):
    """Write the book, and say where."""
    from .book import write_book
    cover = write_book(given.out)
    print(f"the book is in {given.out}: open {cover} in a browser")
    if given.open:
        webbrowser.open(Path(cover).resolve().as_uri())
    return 0
