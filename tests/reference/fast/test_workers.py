"""The workers: what goes through them, what they raise, and how they end."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from compare import __main__ as command_line
from compare.layers.source import HOUSE
from reference import linear
from reference.fast import parallel, workers
from reference.tools import tree

posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


def arrays():
    return hnp.arrays(st.sampled_from(["f4", "f8", "i8", "?", "c16"]),
                      hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=40))


def layouts(array):
    """The same numbers in other orders of memory, read-only and at odd places."""
    locked = array.copy()
    locked.flags.writeable = False
    spaced = np.repeat(array, 2, -1)[..., ::2] if array.ndim else array
    return tree.map(np.asarray, (array, np.asfortranarray(array), array.T, spaced, locked))


@given(arrays(), st.integers(2, 3))
def test_arrays_come_out_as_they_went_in(array, count):
    given = linear.Params(layouts(array), layouts(array[:1] if array.ndim else array))
    for found in workers.at_once(tree.leaves, [((given,), {})] * count):
        for a, b in zip(tree.leaves(given), found, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b, strict=True)


def test_each_call_has_a_process_of_its_own_and_later_calls_have_the_same():
    first, again = (workers.at_once(os.getpid, [((), {})] * 3) for _ in range(2))
    assert first == again and first[0] == os.getpid() and len(set(first)) == 3


def test_what_is_shared_is_what_the_largest_call_took():
    workers.dismiss()
    assert workers.shared() == 0
    for size in 1000, 50_000, 10:
        workers.at_once(np.copy, [((np.ones(size),), {})] * 2)
    assert 2 * 8 * 50_000 <= workers.shared() < 2 * 8 * 50_000 + 4096


def test_an_error_is_raised_here_and_workers_work_again():
    with pytest.raises(ZeroDivisionError, match="by zero"):
        workers.at_once(divmod, [((1, 1), {}), ((1, 0), {}), ((1, 1), {})])
    with pytest.raises(ZeroDivisionError, match="by zero"):
        workers.at_once(divmod, [((1, 0), {}), ((1, 1), {})])
    assert workers.at_once(divmod, [((7, 3), {}), ((8, 3), {})]) == [(2, 1), (2, 2)]


def test_the_callers_errstate_holds_in_a_worker():
    calls = [((np.ones(2), divisor), {}) for divisor in (np.ones(2), np.zeros(2))]
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError, match="divide by zero"):
        workers.at_once(np.true_divide, calls)
    with np.errstate(divide="ignore"):
        assert np.isinf(workers.at_once(np.true_divide, calls)[1]).all()


@posix
def test_a_worker_that_was_killed_is_named_and_replaced():
    for signal_ in signal.SIGKILL, signal.SIGTERM:
        _, pid = workers.at_once(os.getpid, [((), {})] * 2)
        os.kill(pid, signal_)
        with pytest.raises(ChildProcessError, match=f"ended with exit code -{int(signal_)}; allow"):
            workers.at_once(os.getpid, [((), {})] * 2)
    assert len(set(workers.at_once(os.getpid, [((), {})] * 2))) == 2


@posix
def test_a_worker_that_is_suspended_is_told_and_waited_for(monkeypatch, capsys):
    def wake(worker, tell=workers.tell):
        tell(worker)
        worker.process.send_signal(signal.SIGCONT)

    _, pid = workers.at_once(os.getpid, [((), {})] * 2)
    monkeypatch.setattr(workers, "SILENT", 0.1)
    monkeypatch.setattr(workers, "tell", wake)
    workers.watcher.cache_clear()  # the one that runs sleeps for longer
    os.kill(pid, signal.SIGSTOP)
    assert workers.at_once(os.getpid, [((), {})] * 2)[1] == pid
    assert capsys.readouterr().err == (f"a worker process ({pid}) has not answered for 0.1 s and is "
                                       "waited for: is it suspended?\n")


def test_a_ctrl_c_leaves_no_worker_behind():
    workers.at_once(os.getpid, [((), {})] * 2)
    process = workers.STAFF[0].process
    with pytest.raises(KeyboardInterrupt):
        workers.at_once(time.sleep, [((Interrupted(),), {}), ((60,), {})])
    assert process.returncode is not None and not workers.STAFF


class Interrupted:
    """A number that raises what a Ctrl-C raises when it is used."""

    def __index__(self):
        raise KeyboardInterrupt


ENDS = """
import os, signal
from reference.fast import workers
print(*workers.at_once(os.getpid, [((), {})] * 2)[1:], flush=True)
"""


@posix
@pytest.mark.parametrize("end, code", [
    ("", 0), ("os._exit(3)", 3), ("os.kill(os.getpid(), signal.SIGKILL)", -9), ("1 / 0", 1)])
def test_a_worker_ends_with_its_process(end, code):
    done = subprocess.run([sys.executable, "-c", ENDS + end], cwd=HOUSE, text=True,
                          capture_output=True)
    assert done.returncode == code and done.stderr.count("Error") == (code == 1)
    for _ in range(100):
        try:
            os.kill(int(done.stdout), 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError("the worker still runs")


def test_a_command_that_gets_no_worker_says_so(tmp_path, monkeypatch, capsys):
    workers.dismiss()
    closed = []
    monkeypatch.setattr(workers.Block, "close", lambda block: closed.append(block.key))
    monkeypatch.setattr(parallel, "LITTLE", 0)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    words = ["train", "--with", "numpy", "--threads", "2", "--n-embd", "8", "--out", str(tmp_path)]
    assert command_line.main(words) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: a worker process can't be started (")
    assert error.endswith("allowed: threads = 1")
    assert len(closed) == 2
