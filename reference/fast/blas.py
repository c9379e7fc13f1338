"""How many threads NumPy's matrix products take: a switch of the process, not of the maths."""

import contextlib
import ctypes
import functools
from pathlib import Path

import numpy as np

PREFIXES, SUFFIXES = ("scipy_openblas", "openblas"), ("64_", "")


@contextlib.contextmanager
def threads(count):
    """Give the products of a with block so many threads, where OpenBLAS makes them."""
    switch = find()
    if switch is None:
        yield
        return
    get, put = switch
    before = get()
    put(count)
    try:
        yield
    finally:
        put(before)


@functools.cache
def find():
    """Return OpenBLAS's functions (get, set) of the number of threads; None with another BLAS."""
    core = Path(np._core._multiarray_umath.__file__)
    beside = sorted(Path(np.__file__).parent.parent.glob("numpy.libs/*openblas*"))
    for path in [core, *beside]:
        with contextlib.suppress(OSError):
            library = ctypes.CDLL(str(path))
            for prefix in PREFIXES:
                for suffix in SUFFIXES:
                    get, put = (getattr(library, f"{prefix}_{verb}_num_threads{suffix}", None)
                                for verb in ("get", "set"))
                    if get and put:
                        return get, put
    return None
