"""The commands show and book."""

import webbrowser

from ..layers.source import TEXTS
from ..words import positive


def declare(verbs):
    """Declare the commands and their flags."""
    show = verbs.add_parser("show", help="print each equation with its lines of NumPy and torch")
    show.set_defaults(run=run_show)
    show.add_argument("layer", metavar="LAYER", nargs="?", help=", ".join(TEXTS))
    which = show.add_mutually_exclusive_group()
    which.add_argument("--tag", type=str.upper, help="one equation with its text, such as LN-8")
    which.add_argument("--backward", action="store_true", help="the backward alone")
    show.add_argument("--width", type=positive, help="columns (default: the console's)")
    book = verbs.add_parser("book", help="write the book: each layer's equations, NumPy, torch and "
                            "numbers on a page")
    book.set_defaults(run=run_book)
    book.add_argument("--out", metavar="FOLDER", default="book", help="(default: book)")
    book.add_argument("--open", action="store_true", help="open its cover in the browser")


def run_show(given):
    """Print the rows."""
    from .show import print_rows
    print_rows(given.layer, given.tag, given.backward, given.width)
    return 0


def run_book(given):
    """Write the book, and say where."""
    from .book import write_book
    cover = write_book(given.out)
    print(f"the book is in {cover.parent}: open {cover} in a browser")
    if given.open and not webbrowser.open(cover.resolve().as_uri()):
        print("no browser could be started from here")
    return 0
