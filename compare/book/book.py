"""The whole book: every page as a string, and the folder that holds them."""

from pathlib import Path

from ..labs.run import read_run
from ..layers.labs import LABS
from ..layers.source import DERIVED, path_of, read
from ..progress import waiting
from .reading.chapter import read_chapter
from .pages.cover import cover, reading_order
from .figures import PICTURED, figure_of
from ..svg import COLORS
from .pages.frame import document, source_page
from .pages.links import PAGES, Links
from .reading.markdown import as_html
from .numbers.numbers import autograd_of, given_to, numbers_of
from .output import check_output, put
from .pages.page import Evidence, page

SHADE = "#f7f7f5", "#212429"  # behind code, in a light scheme and in a dark one
NOTHING = Evidence({}, {}, {}, None)
PLAIN = {"reference/GLOSSARY.md": "Glossary", "reference/DEBATES.md": "Debates"}  # and their titles


def pages():
    """Return the text of every file of the book, by its path in the folder.

    Raises ValueError, with file and line, for what is wrong in a derivation.
    """
    links, order = Links(), reading_order()
    chapters = {stem: read_chapter(stem, links.beside(path_of(stem, ".md").as_posix()))
                for stem, _ in order}
    titles = {stem: chapter.title for stem, chapter in chapters.items()}
    files = {"index.html": document("The book", cover(titles)),
             **{PAGES[path]: document(title, as_html(read(path), path, links.beside(path)))
                for path, title in PLAIN.items()},
             "style.css": colors() + read("compare/book/pages/style.css"),
             "names.js": read("compare/book/pages/names.js")}
    ways = [None, *((f"{stem}.html", title) for stem, title in titles.items()), None]
    for place, (stem, chapter) in enumerate(waiting.over(list(chapters.items()), str)):
        files[f"{stem}.html"] = document(chapter.title, body(chapter, links),
                                         before=ways[place], after=ways[place + 2])
    for path, address in links.sources.items():
        files[address] = source_page(path, read(path), "../" * address.count("/"))
    return files


def body(chapter, links):
    """Return a chapter as HTML, with what runs for it: the numbers and the picture."""
    stem = chapter.stem
    evidence = NOTHING
    if stem in DERIVED:
        evidence = Evidence(*given_to(stem), numbers_of(stem), autograd_of(stem))
    return page(chapter, links, evidence, drawn_picture(stem))


def drawn_picture(stem):
    """Return the Figure of a layer or of a lab's log, or None for what has none.

    Raises ValueError if that fails.
    """
    if stem in LABS:
        return LABS[stem].experiment.draw(read_run(stem))
    try:
        return figure_of(stem) if stem in PICTURED else None
    except Exception as error:
        raise ValueError(f"compare/book/figures/{stem}.py draws no picture "
                         f"({type(error).__name__}: {error}); allowed: a Figure, or no such file"
                         ) from error


def colors():
    """Return the colours of both schemes as custom properties, for the style sheet."""
    pairs = {**COLORS, "shade": SHADE}
    light, dark = ("".join(f" --{name}: {pair[i]};" for name, pair in pairs.items())
                   for i in range(2))
    return (f":root {{ color-scheme: light dark;{light} }}\n"
            f"@media (prefers-color-scheme: dark) {{ :root {{{dark} }} }}\n")


def write_book(folder):
    """Write the book; one that stood there stays until the other is whole. Return its cover's path.

    Raises ValueError where the folder holds something else, or can't be written.
    """
    folder = Path(folder)
    check_output(folder)
    put(pages(), folder)
    return folder / "index.html"
