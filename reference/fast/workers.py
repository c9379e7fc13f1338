"""Processes beside this one that take work from it, each with one thread.

Threads of one process would wait for each other: each of NumPy's operations gives Python's lock
back and asks for it again. Arrays are handed over in memory that both processes see, the rest in a
pipe.
"""

import atexit
import contextlib
import functools
import itertools
import mmap
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

import numpy as np

from . import memory

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
                            "VECLIB_MAXIMUM_THREADS"), "1")
LINE = 64  # bytes of a line of the processor's cache: arrays begin with one
SILENT = 60  # seconds that an answer is waited for before that is said
STAFF = []  # the workers that wait for work
LOCK = threading.Lock()  # of the thread that gives it to them


class Block:
    """Bytes that two processes share; there are more when one of them asks for more."""

    def __init__(self, key):
        self.key, self.bytes = key, memoryview(b"")

    def room(self, size):
        """Return so many bytes, the same in both processes."""
        if size > len(self.bytes):
            if os.name == "nt":
                self.bytes = memoryview(mmap.mmap(-1, size, tagname=f"{self.key}-{size}"))
            else:
                os.ftruncate(self.key, max(size, os.fstat(self.key).st_size))
                self.bytes = memoryview(mmap.mmap(self.key, size))
        return self.bytes[:size]

    def close(self):
        """Let go of the file; on Windows there is none."""
        if os.name != "nt":
            os.close(self.key)


def new_key():
    """Return by what two processes know a Block: a name on Windows, else an open file."""
    if os.name == "nt":
        return uuid.uuid4().hex
    if hasattr(os, "memfd_create"):
        return os.memfd_create("reference.workers")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def send(thing, pipe, block):
    """Give a thing to the other process."""
    arrays = []
    rest = pickle.dumps(thing, protocol=5, buffer_callback=lambda array: arrays.append(array.raw()))
    starts = [*itertools.accumulate((-(-a.nbytes // LINE) * LINE for a in arrays), initial=0)]
    places = [(start, start + a.nbytes) for start, a in zip(starts, arrays)]
    shared = block.room(starts[-1])
    for (start, stop), array in zip(places, arrays):
        shared[start:stop] = array
    pickle.dump((rest, starts[-1], places), pipe)
    pipe.flush()


def receive(pipe, block):
    """Return what the other process sent; its arrays hold until it sends again."""
    rest, size, places = pickle.load(pipe)
    shared = block.room(size)
    return pickle.loads(rest, buffers=[shared[start:stop] for start, stop in places])


class Worker:
    """A process that calls functions; it ends with this one, however that ends."""

    def __init__(self):
        self.waited_since = None
        keys = [new_key(), new_key()]
        self.requests, self.answers = map(Block, keys)
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-m", __name__, *map(str, keys)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | ONE_THREAD,
                cwd=Path(__file__).parent.parent.parent, pass_fds=() if os.name == "nt" else keys,
                start_new_session=True,  # a Ctrl-C is for this process alone
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0))
        except OSError as error:
            self.close()
            raise ChildProcessError(f"a worker process can't be started ({error.strerror}); "
                                    "allowed: threads = 1") from None

    def ask(self, function, arguments, options):
        """Have a function of a module called, under this process's np.errstate."""
        with self.alive():
            send((function, arguments, options, np.geterr()), self.process.stdin, self.requests)

    def answer(self):
        """Return what the function returned, or raise what it raised."""
        self.waited_since = time.monotonic()
        try:
            with self.alive():
                found = receive(self.process.stdout, self.answers)
        finally:
            self.waited_since = None
        if isinstance(found, Exception):
            raise found
        return found

    @contextlib.contextmanager
    def alive(self):
        """Say in one sentence that the process is no more."""
        try:
            yield
        except (EOFError, BrokenPipeError, pickle.UnpicklingError):
            raise ChildProcessError(f"a worker process ended with exit code {self.process.wait()}; "
                                    "allowed: sizes that fit into the memory") from None

    def end(self):
        """Stop the process, whatever it does."""
        self.process.kill()
        self.process.communicate()  # closes the pipes
        self.close()

    def close(self):
        """Let go of what both share."""
        self.requests.close()
        self.answers.close()


def at_once(function, calls):
    """Return function(*arguments, **options) for each of the calls (arguments, options).

    The first is made in this process, each other one in a worker. Arrays that come from a worker
    hold until its next call. Raises what a call raises, ChildProcessError where a worker was
    killed.
    """
    (arguments, options), *others = calls
    with LOCK:
        try:
            STAFF.extend(Worker() for _ in range(len(others) - len(STAFF)))
            watcher()
            for worker, call in zip(STAFF, others):
                worker.ask(function, *call)
            return [function(*arguments, **options),
                    *(worker.answer() for worker, _ in zip(STAFF, others))]
        except BaseException:
            dismiss()  # some still work, or have an answer that nobody asked for
            raise


@functools.cache
def watcher():
    """Return the thread that watches the workers, started once."""
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def watch():
    """Say which worker does not answer; it may only be suspended, so it is waited for."""
    while True:
        time.sleep(SILENT / 10)
        for worker in list(STAFF):
            since = worker.waited_since
            if since and time.monotonic() - since > SILENT:
                worker.waited_since = None  # it is said once
                tell(worker)


def tell(worker):
    print(f"a worker process ({worker.process.pid}) has not answered for {SILENT} s and is waited "
          "for: is it suspended?", file=sys.stderr, flush=True)


def shared():
    """Return the bytes that this process shares with its workers."""
    return sum(len(block.bytes) for worker in STAFF for block in (worker.requests, worker.answers))


@atexit.register
def dismiss():
    """Stop all workers; the next call starts new ones."""
    while STAFF:
        STAFF.pop().end()


if hasattr(os, "register_at_fork"):  # a copy of this process has no claim on its workers
    os.register_at_fork(after_in_child=STAFF.clear)
    os.register_at_fork(after_in_child=watcher.cache_clear)


def serve(*keys):
    """Call what is asked for, until the pipe is closed."""
    requests, answers = map(Block, keys if os.name == "nt" else map(int, keys))
    memory.keep()
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            function, arguments, options, state = receive(sys.stdin.buffer, requests)
            try:
                with np.errstate(**state):
                    found = function(*arguments, **options)
            except Exception as error:
                found = error
            send(found, sys.stdout.buffer, answers)


if __name__ == "__main__":
    serve(*sys.argv[1:])
