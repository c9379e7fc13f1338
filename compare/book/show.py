"""A layer in NumPy and in torch, side by side in the console, read from the source."""

import shutil
from pathlib import Path

from ..layers.source import ELSEWHERE, path_of, source
from .columns import align, side_by_side


def print_columns(stem, width=None):
    """Print NumPy and torch side by side in `width` columns, the console's if not given."""
    width = width or shutil.get_terminal_size((160, 24)).columns
    half = max(30, (width - 4) // 2)
    ours, theirs = path_of(stem), Path("torch_impl") / f"{ELSEWHERE.get(stem, stem)}.py"
    print(f"{stem}: {ours.as_posix()} and {theirs.as_posix()}")
    print(f"the derivation of each tag is in {path_of(stem, '.md').as_posix()}")
    print(f"{'NumPy, backward by hand':<{half}} |  torch, backward by autograd")
    print("-" * half + "-+-" + "-" * half)
    for left, right in align(source(ours), source(theirs)):
        for a, b in side_by_side(left, right, half):
            print(f"{a:<{half}} |  {b}".rstrip())
