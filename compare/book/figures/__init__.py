"""A picture a layer, drawn from a computation."""

import importlib
from pathlib import Path

from ...layers.source import DERIVED

PICTURED = [stem for stem in DERIVED if (Path(__file__).parent / f"{stem}.py").is_file()]


def figure_of(stem):
    """Return the Figure of a layer. Raises ValueError for what has no picture."""
    if stem not in PICTURED:
        raise ValueError(f"LAYER is {stem}; allowed: {', '.join(PICTURED)}")
    return importlib.import_module(f"{__name__}.{stem}").draw()
