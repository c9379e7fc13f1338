"""Where each file of the house stands in the book, and which of its sources are linked."""

import collections
import posixpath

from ...layers.source import HOUSE, TEXTS, path_of, read
from ..reading.markdown import anchor

PAGES = {**{path_of(stem, ".md").as_posix(): f"{stem}.html" for stem in TEXTS},
         "reference/GLOSSARY.md": "glossary.html", "reference/DEBATES.md": "debates.html"}


class Links:
    """The addresses of a book, as seen from its chapters; it notes which sources are linked."""

    def __init__(self):
        self.sources = {}  # the address of each linked source, by its path

    def to_source(self, path, line=None):
        """Return the address of a file of the house, or of one of its lines."""
        address = self.sources.setdefault(path, f"source/{path}.html")
        return f"{address}#L{line}" if line else address

    def beside(self, path):
        """Return a function from the target of a link in a file of the house to its address.

        It raises LookupError for a file or a heading that is not there.
        """
        def address(target):
            if target.startswith("https://"):
                return target
            name, mark, place = target.partition("#")
            beside = posixpath.join(posixpath.dirname(path), name)
            found = posixpath.normpath(beside) if name else path
            if (HOUSE / found).is_dir():
                found += "/README.md"
            if found.startswith(("/", "../")) or not (HOUSE / found).is_file():
                raise LookupError(f"the link leads to {target}; allowed: a file of this repository")
            line = line_of(found, place) if mark else None
            if not name:
                return target
            return PAGES[found] + mark + place if found in PAGES else self.to_source(found, line)
        return address


def line_of(path, place):
    """Return the number of the line of the heading that a link's place names, in a file."""
    fenced, names = False, collections.Counter()
    for number, line in enumerate(read(path).splitlines(), 1):
        fenced ^= line.startswith("```")
        if line.startswith("#") and not fenced:
            name = anchor(line.lstrip("#"))
            if place == (f"{name}-{names[name]}" if names[name] else name):
                return number
            names[name] += 1
    raise LookupError(f"the link leads to #{place} in {path}; allowed: one of its headings")
