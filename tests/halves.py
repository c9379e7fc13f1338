"""`make test`: the tests in two processes at once, each with one thread, so one core."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def main(words):
    """Run both halves, print the second's output after the first's, and return the exit code."""
    files = sorted(HERE.glob("test_*.py"), key=lambda path: -path.stat().st_size)
    halves = [list(map(str, files[i::2])) for i in range(2)]
    first, second = (
        subprocess.Popen([sys.executable, "-m", "pytest", *words, *half], cwd=HERE.parent, text=True,
                         env=os.environ | ONE_THREAD,
                         stdout=None if half is halves[0] else subprocess.PIPE)
        for half in halves)
    later, _ = second.communicate()
    codes = first.wait(), second.returncode
    print(later, end="")
    return max(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
