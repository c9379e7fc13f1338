"""Files that are written whole or not at all, and the lock of a folder."""

import contextlib
import os
import uuid
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    import msvcrt

LOCK, UNFINISHED = ".lock", ".unfinished"


class Taken(Exception):
    """Another process holds the lock of a folder."""


@contextlib.contextmanager
def written_whole(path, keep_as=None):
    """Yield a binary file; when the with block ends, what was written stands at path, on the disk.

    However the process ends, path holds all of it or what it held before; keep_as is the name that
    this then gets. Raises OSError where path can't be written.
    """
    path = Path(path)
    unfinished = path.with_name(f"{path.name}.{uuid.uuid4().hex}{UNFINISHED}")  # no one else's
    try:
        with open(unfinished, "xb") as file:  # follows no link
            yield file
            file.flush()
            os.fsync(file.fileno())
        if keep_as is not None and path.is_file():
            os.replace(path, keep_as)
        os.replace(unfinished, path)
        sync_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()


def sync_folder(folder):
    """Bring the renamings to the disk, where the system can."""
    with contextlib.suppress(OSError):  # Windows opens no folders
        place = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(place)
        finally:
            os.close(place)


def clear(folder):
    """Remove what killed processes left unfinished; only for who holds the lock of the folder."""
    for path in Path(folder).glob(f"*{UNFINISHED}"):
        with contextlib.suppress(OSError):
            path.unlink()


@contextlib.contextmanager
def locked(folder):
    """Hold the lock of a folder for a with block; it is gone with the process, however that ends.

    Raises Taken where another process holds it, OSError where the folder can't be written.
    """
    path = Path(folder, LOCK)
    place = take(path)
    while not is_at(place, path):  # who held it before has removed it meanwhile
        os.close(place)
        place = take(path)
    try:
        yield
    finally:
        release(place, path)


def take(path):
    """Return a locked file, open, made if it is not there."""
    place = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
    try:
        if os.name == "nt":
            msvcrt.locking(place, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        os.close(place)
        raise Taken from None
    except OSError:  # a file system without locks: then there is none
        pass
    return place


def release(place, path):
    """Remove a locked file and let go of it; Windows removes no open file."""
    steps = [path.unlink, lambda: os.close(place)]
    for step in reversed(steps) if os.name == "nt" else steps:
        with contextlib.suppress(OSError):
            step()


def is_at(place, path):
    """Whether an open file is the one at path."""
    try:
        return os.path.samestat(os.fstat(place), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False
