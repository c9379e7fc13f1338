"""The whole book: every page as a string, and the folder that holds them."""

import os
import shutil
import uuid
from pathlib import Path

from ..layers.source import DERIVED, path_of, read
from ..progress import waiting
from .chapter import read_chapter
from .cover import cover, reading_order
from .figures import PICTURED, figure_of
from .figures.svg import COLORS
from .frame import MADE_BY, document, source_page
from .links import Links
from .markdown import as_html
from .numbers import autograd_of, given_to, numbers_of
from .page import Evidence, page

SHADE = "#f7f7f5", "#212429"  # behind code, in a light scheme and in a dark one
NOTHING = Evidence({}, {}, {}, None)


def pages():
    """Return the text of every file of the book, by its path in the folder.

    Raises ValueError, with file and line, for what is wrong in a derivation.
    """
    links, order = Links(), reading_order()
    chapters = {stem: read_chapter(stem, links.beside(path_of(stem, ".md").as_posix()))
                for stem, _ in order}
    titles = {stem: chapter.title for stem, chapter in chapters.items()}
    files = {"index.html": document("The book", cover(titles)),
             "glossary.html": document("Glossary", glossary(links)),
             "style.css": colors() + read("compare/book/style.css"),
             "names.js": read("compare/book/names.js")}
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
    evidence = Evidence(*given_to(stem), numbers_of(stem), autograd_of(stem)) if stem in DERIVED else NOTHING
    return page(chapter, links, evidence, figure_of(stem) if stem in PICTURED else None)


def glossary(links):
    """Return the glossary as HTML."""
    path = "reference/GLOSSARY.md"
    return as_html(read(path), path, links.beside(path))


def colors():
    """Return the colours of both schemes as custom properties, for the style sheet."""
    light, dark = ("".join(f" --{name}: {pair[i]};" for name, pair in {**COLORS, "shade": SHADE}.items())
                   for i in range(2))
    return (f":root {{ color-scheme: light dark;{light} }}\n"
            f"@media (prefers-color-scheme: dark) {{ :root {{{dark} }} }}\n")


def write_book(folder):
    """Write the book; a book that stood there stays until the other is whole. Return its cover's path.

    Raises ValueError where the folder holds something else.
    """
    folder = Path(folder)
    if folder.exists() and not is_book(folder):
        raise ValueError(f"--out is {folder}, which holds something else; allowed: a new folder, or "
                         "that of a book")
    files, new = pages(), spare_name(folder)
    try:
        for path, text in files.items():
            (new / path).parent.mkdir(parents=True, exist_ok=True)
            (new / path).write_text(text, encoding="utf-8", newline="\n")
        old = spare_name(folder)
        if folder.exists():
            os.replace(folder, old)
        os.replace(new, folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return folder / "index.html"


def is_book(folder):
    """Whether a folder is empty, or holds a book that may be replaced."""
    cover = folder / "index.html"
    return folder.is_dir() and (not any(folder.iterdir()) or (
        cover.is_file() and MADE_BY in cover.read_text(encoding="utf-8", errors="replace")))


def spare_name(folder):
    """Return a new name beside a folder, for one that is not whole yet or no longer."""
    return folder.with_name(f"{folder.name}.{uuid.uuid4().hex}.unfinished")
