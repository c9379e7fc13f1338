"""Memory that is kept from step to step: a switch of the process, not of the maths.

A step makes the same large arrays as the one before. glibc gives each back to the system when it
is freed, and the next step waits while its pages are faulted in again, filled with zeros: half of
the time of a small model. keep() tells it to hold on to them.
"""

import ctypes
import os
import sys

# of glibc's mallopt, from malloc.h
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, ARENA_MAX = -1, -2, -3, -8
LARGEST = 2**25  # bytes of the arrays that are kept: more glibc does not take


def keep():
    """Keep freed memory for the next array; return whether this platform has such a switch.

    It holds for the whole process and until its end: heaps never shrink. There is one for each
    core, so that a thread gets back what lies in its own core's cache. Larger arrays go back to
    the system as ever. Linux with glibc has it; elsewhere nothing changes.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    return mallopt is not None and all(
        mallopt(name, value) for name, value in
        [(TRIM_THRESHOLD, 2**31 - 1), (TOP_PAD, 2 * LARGEST),  # or a second heap would shrink
         (MMAP_THRESHOLD, LARGEST), (ARENA_MAX, os.cpu_count())])


def peak():
    """Return the largest number of bytes that this process has held, or None on Windows."""
    try:
        with open("/proc/self/status") as status:
            return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    except OSError:
        pass
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS
