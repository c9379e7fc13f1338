"""Whether an example fits into the memory: an estimate from its sizes, before it is drawn."""

import contextlib
import os

from reference.tools import tree

from ..layers.sizes import composed, sizes
from .own_sizes import own_words

COPIES = 9  # of the arrays of an example in float64: itself, its gradients, a direction; and twice
            # as many bytes in complex128, before and after the step along it
CACHES = 6  # of what a forward keeps: in complex128, and what it makes meanwhile


def check_room(layer, n):
    """Refuse sizes whose example would take more memory than is free with a ValueError."""
    needed, free = bytes_needed(layer, n), free_memory()
    if free is not None and needed > free:
        raise ValueError(f"sizes is {own_words(n)}, which takes about {needed / 1e9:,.1f} GB; "
                         f"allowed: what fits into the {free / 1e9:,.1f} GB that are free here")


def bytes_needed(layer, n):
    """Return about the most bytes that the oracles hold at one time."""
    n = composed(n)
    B, T, V, L = n["B"], n["T"], n.get("V", 0), n.get("L", 1)
    H, C, F = n.get("H", 0), n.get("C", 0), n.get("F", 0)
    weights = (2 * V + n["S"] + T) * C if "S" in n else n.get("I", 0) * n.get("O", 0)
    weights += 3 * L * C * F
    kept = 2 * B * T * (n.get("I", 0) + n.get("O", 0) + V + 4 * L * F)
    if has_matrices(layer):  # a chain of layers
        squares, rows = (4, 8) if "G" in n else (12, 20)  # without and with a GPT's MLP
        weights += squares * L * C * C
        kept += L * (rows * B * T * C + 2 * B * H * T * T)
    else:
        kept += 5 * B * T * (C + H * T)
    return 8 * (COPIES * weights + CACHES * kept)


def has_matrices(layer):
    """Whether a layer has weights whose number grows with the square of C."""
    n = sizes(layer.letters, "apart")
    C, params = composed(n).get("C", 0), layer.example(n, 0).params
    return bool(C) and any(weight.ndim == 2 and not (weight.shape[0] % C or weight.shape[1] % C)
                           for weight in tree.leaves(params or ()))


def free_memory():
    """Return the bytes that are free, else those of the machine, or None if that is unknown."""
    with contextlib.suppress(OSError, StopIteration), open("/proc/meminfo") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith("MemAvailable"))
    with contextlib.suppress(AttributeError, OSError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
