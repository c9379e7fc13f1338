"""Where the code of a layer is, and the tags in it: read from the sources, so it can't drift."""

import functools
import importlib
import re
from pathlib import Path

HOUSE = Path(__file__).parents[2]
ROOMS = "reference", "reference/tools", "reference/fast", "reference/labs"
TEXTS = sorted(path.stem for room in ROOMS for path in (HOUSE / room).glob("[a-z]*.md"))
DERIVED = [stem for stem in TEXTS  # beside its code; the primer has none
           if any((HOUSE / room / f"{stem}.py").is_file() for room in ROOMS)]
TAG = re.compile(r"\b([A-Z]{2,4})-(\d+)\b")
ELSEWHERE = {"fused_adamw": "adamw"}  # whose torch side stands in a file of another name
RANGE = re.compile(r"\b([A-Z]{2,4})-(\d+) \.\. \1-(\d+)\b")


def tags(line):
    """Return the tags in the comment of a line of code: "# LN-1 .. LN-3" holds three."""
    comment = line.partition("#")[2]
    found = [f"{p}-{n}" for p, low, high in RANGE.findall(comment)
             for n in range(int(low), int(high) + 1)]
    return found + [tag for tag in map("-".join, TAG.findall(comment)) if tag not in found]


@functools.cache  # asked for at each call of a layer
def path_of(stem, suffix=".py"):
    """Return the path of a file of reference/ from its stem, or of any module from its dotted name,
    as seen from the house."""
    if "." in stem:
        return Path(*stem.split(".")).with_suffix(suffix)
    return next(path for path in (Path(room) / f"{stem}{suffix}" for room in ROOMS)
                if (HOUSE / path).is_file())


@functools.cache
def module_of(stem):
    """Return the module of reference/ that has a stem, or that of a dotted name."""
    return importlib.import_module(".".join(path_of(stem).with_suffix("").parts))


def torch_path(stem):
    """Return the path of the torch side of a file of reference/, as seen from the house."""
    room = "torch_impl/labs" if path_of(stem).parent.name == "labs" else "torch_impl"
    return Path(room) / f"{ELSEWHERE.get(stem, stem)}.py"


def twin(stem):
    """Return the torch side of a module of reference/: torch is imported when it is asked for."""
    return module_of(".".join(torch_path(stem).with_suffix("").parts))


def read(path):
    """Return the text of a file of the house."""
    return (HOUSE / path).read_text(encoding="utf-8")


def path_from_here(path):
    """Return the path of a file of the house as it is found from the current folder."""
    return Path(path if Path(path).exists() else HOUSE / path).as_posix()
