"""The folder that a book is written into: what is in it, and how the new pages come in."""

import contextlib
import os
import tempfile
from pathlib import Path

LIST = "files.txt"  # in the folder: the files that the book wrote, a line each
HEAD = "the files of a book by python -m compare book"  # its first line
BESIDE = ".unfinished-"  # how the name of a folder begins that holds what is not whole yet


def check_output(folder):
    """Refuse, with a ValueError, a folder that holds something else, or can't be written."""
    there = (path for path in (folder, *folder.parents) if os.path.lexists(path))
    place = next(there, folder)
    if not os.path.isdir(place) or not os.access(place, os.W_OK):
        raise ValueError(f"--out is {folder}, and {place} is no folder that can be written; "
                         "allowed: a folder that can")
    if place == folder and not written_before(folder) and any(
            not name.startswith(BESIDE) for name in os.listdir(folder)):
        raise ValueError(f"--out is {folder}, which holds something else; allowed: a new folder, "
                         "or that of a book")


def put(files, folder):
    """Put texts, by path, into a folder, all or none; what only the last book had is removed.

    All else in the folder stays. Raises ValueError where a file of another stands in the way, or
    where the folder can't be written.
    """
    listed = "".join(f"{path}\n" for path in [HEAD, *sorted(files)])
    files = {LIST: listed} | files  # the list comes in first
    made = not os.path.exists(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=BESIDE, dir=folder) as beside:
            for path, text in files.items():
                write_new(Path(beside, path), text)
            bring_in(files, Path(beside), folder)
    except OSError as error:
        raise ValueError(f"--out is {folder}, which can't be written ({error.strerror or error}); "
                         "allowed: a folder that can") from None
    finally:
        if made:
            with contextlib.suppress(OSError):  # a folder that holds anything stays
                folder.rmdir()


def bring_in(files, beside, folder):
    """Move whole files into their places, and take those away that only the last book had."""
    old = written_before(folder)
    for path in files:
        if path not in old and os.path.lexists(folder / path):
            raise ValueError(f"--out is {folder}, and its {path} is no file of a book; allowed: a "
                             "folder without, since the new book has one of that name")
    for path in files:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        os.replace(beside / path, folder / path)
    for path in old - set(files):
        (folder / path).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # a folder that holds anything stays
            os.removedirs((folder / path).parent)


def written_before(folder):
    """Return the paths of the files that the last book wrote into a folder; none without a book."""
    if not (folder / LIST).is_file():
        return set()
    head, *paths = (folder / LIST).read_text(encoding="utf-8", errors="replace").split("\n")
    inside = {path for path in paths if path and not Path(path).is_absolute()
              and ".." not in Path(path).parts}
    return {LIST} | inside if head == HEAD else set()


def write_new(path, text):
    """Write a text, and the folders on the way to it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
