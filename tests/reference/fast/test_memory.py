"""The switch that keeps memory: in a process of its own, since it can't be turned back."""

import subprocess
import sys

import pytest

from compare.layers.source import HOUSE

FAULTS = """
import resource
import numpy as np
from reference.fast import memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        [np.ones(2**20) for _ in range(8)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
print(faults(), memory.keep(), faults(), faults())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="page faults are counted on Linux")
def test_kept_memory_is_faulted_in_once():
    done = subprocess.run([sys.executable, "-c", FAULTS], cwd=HOUSE, text=True,
                          capture_output=True, check=True)
    before, kept, _, after = done.stdout.split()
    if kept == "False":
        pytest.skip("this C library has no such switch")
    assert int(after) < 50 < int(before)
