"""`make test`: the tests in two processes at once, each with one thread, so one core."""

import os
import subprocess
import sys
from pathlib import Path

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def main(words):
    """Run both halves, print the second's output after the first's, and return the exit code."""
    first, second = (
        subprocess.Popen([sys.executable, "-m", "pytest", f"--half={half}", *words], text=True,
                         cwd=Path(__file__).parent.parent, env=os.environ | ONE_THREAD, stdout=output)
        for half, output in enumerate((None, subprocess.PIPE)))
    later, _ = second.communicate()
    codes = first.wait(), second.returncode
    print(later, end="")
    return max(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
