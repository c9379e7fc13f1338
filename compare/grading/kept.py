"""What is computed once for a layer and kept between calls: torch's results, the mutants'.

One file a layer, in the user's cache folder. Its name holds a hash of the sources and of the
versions, so that what another code computed is never read. It may be deleted at any time.
"""

import functools
import hashlib
import json
import os
import platform
import sys
import time
from pathlib import Path

import numpy as np

from ..files.whole import written_whole
from ..layers.source import HOUSE

SWITCH = "COMPARE_CACHE"  # an environment variable: another folder, or empty to keep nothing
SOURCES = ("reference", "torch_impl", "compare/layers", "compare/checks", "compare/mutants",
           "compare/grading")
MOST = 2**23              # numbers in a file, 64 MB: what is beyond is computed each time
STALE = 30 * 86400        # seconds: files of other sources are deleted when they are older


def ask(stem, key, make):
    """Return make(), arrays by name or None, unless the key's are kept for this layer."""
    ledger = ledger_of(stem, cache_folder())
    if ledger is None:
        return make()
    if key not in ledger.entries:
        ledger.add(key, make())
    return ledger.entries[key]


def write_ledgers():
    """Write what has been computed since the files were read; where that can't be done, don't."""
    for ledger in LEDGERS:
        if ledger.grown:
            try:
                ledger.write()
            except OSError:
                continue  # no such folder, a full disk: the next call computes again


def cache_folder():
    """Return the folder of the files, None where there is none or the switch is off."""
    if SWITCH in os.environ:
        return os.environ[SWITCH] or None
    if os.name == "nt":
        place = os.environ.get("LOCALAPPDATA", "")
    elif sys.platform == "darwin":
        place = os.path.expanduser("~/Library/Caches")
    else:
        place = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(place, "one-gpt-written-twice") if os.path.isabs(place) else None


@functools.cache
def ledger_of(stem, folder):
    """Return the Ledger of a layer, read from its file if there is one; None without a folder."""
    if folder is None:
        return None
    LEDGERS.append(Ledger(Path(folder, f"{stem}-{fingerprint()}.npz")))
    return LEDGERS[-1]


@functools.cache
def fingerprint():
    """Return a hash of all that the kept numbers depend on."""
    from importlib import metadata  # dear, for who keeps nothing
    digest = hashlib.sha256()
    for folder in SOURCES:
        for path in sorted((HOUSE / folder).rglob("*.py")):
            digest.update(path.relative_to(HOUSE).as_posix().encode() + path.read_bytes())
    versions = [np.__version__, sys.version, platform.machine()]
    try:
        versions.append(metadata.version("torch"))  # without importing it
    except metadata.PackageNotFoundError:
        versions.append("")
    digest.update("\n".join(versions).encode())
    return digest.hexdigest()[:20]


class Ledger:
    """The results of a layer by key: arrays by name, or None. On the disk they are two arrays:
    an index in JSON, and the numbers of all results one after another."""

    def __init__(self, path):
        self.path, self.grown = path, False
        try:
            self.entries = read_entries(path)
        except Exception:  # it is not there, or damaged in whatever way
            self.entries = {}
        self.count = sum(map(numbers_in, self.entries.values()))

    def add(self, key, made):
        """Take in the results of a key."""
        self.entries[key] = made
        self.count += numbers_in(made)
        self.grown = True

    def write(self):
        """Write the file whole, and delete those of other sources that are stale."""
        index, parts, at = [], [np.zeros(0)], 0
        for key, made in self.entries.items():
            if at + numbers_in(made) > MOST:
                continue
            places = None if made is None else []
            for name, array in (made or {}).items():
                places.append([name, at, np.shape(array)])
                parts.append(np.asarray(array, float).ravel())
                at += parts[-1].size
            index.append([key, places])
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(self.path) as file:
            np.savez(file, index=np.frombuffer(json.dumps(index).encode(), np.uint8),
                     numbers=np.concatenate(parts))
        self.grown = False
        for other in self.path.parent.glob(f"{self.path.stem.partition('-')[0]}-*.npz"):
            if other != self.path and other.stat().st_mtime < time.time() - STALE:
                other.unlink()


LEDGERS = []  # those that have been read


def numbers_in(made):
    """Return how many numbers the results of a key are."""
    return sum(map(np.size, (made or {}).values()))


def read_entries(path):
    """Return the results in a file by key."""
    with np.load(path, allow_pickle=False) as file:
        index, numbers = json.loads(file["index"].tobytes()), file["numbers"]
    return {key: None if places is None else {
        name: numbers[at : at + int(np.prod(shape))].reshape(shape) for name, at, shape in places}
        for key, places in index}
