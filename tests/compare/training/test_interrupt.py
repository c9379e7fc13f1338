"""What stops a run: signals, a closed output, kills; none loses what was trained."""

import json
import os
import signal

import numpy as np
import pytest
from hypothesis import settings

from compare.files import checkpoint
from compare.training.interrupt import Interrupt
from reference.tools import tree
from runs import SMALL, started, train

KILLS = 300 if settings.default.max_examples > 1000 else 28
LONG = ["train", "--with", "numpy", "--text", "own.txt", "--preset", "micro", "--steps", "10000000",
        "--out", "run"]
SIGNALS = [signal.SIGINT, signal.SIGTERM] + [
    getattr(signal, name) for name in ("SIGHUP", "SIGQUIT") if hasattr(signal, name)]
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has other signals, and no fork")


@posix
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_saves_and_says_how_to_go_on(place, number):
    running = started(*LONG)
    while "step" not in running.stdout.readline():
        pass
    running.send_signal(number)
    out, said = running.communicate()
    assert running.returncode == 128 + number and said.startswith("\nstopping after this step; ")
    assert "to go on: python -m compare train --resume --with numpy --out run" in out
    assert checkpoint.load("run/checkpoint.npz").state.step > 0


@posix
def test_who_closes_the_output_is_told_elsewhere_and_loses_nothing(place):
    running = started(*LONG, "--steps", "20000")  # a line each 1,000 steps
    while "step" not in running.stdout.readline():
        pass
    running.stdout.close()
    said = running.stderr.read()
    step = checkpoint.load("run/checkpoint.npz").state.step
    assert running.wait() == 128 + 13 and step > 0
    assert said == (f"the output is closed\nstopped after step {step}\n"
                    "to go on: python -m compare train --resume --with numpy --out run\n")


@posix
@pytest.mark.parametrize("words", ["show layer_norm", "show gpt"])
def test_a_command_whose_output_is_closed_ends_quietly(words):
    running = started(*words.split())
    running.stdout.close()
    assert running.stderr.read() == "" and running.wait() == 128 + 13


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a full disk at hand")
def test_an_output_on_a_full_disk_is_one_sentence():
    with open("/dev/full", "w") as full:
        running = started("show", "gelu", stdout=full)
    assert running.communicate()[1] == "error: the output can't be used (No space left on device)\n"
    assert running.returncode == 2


@posix
def test_nohup_stays_in_force():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupt(True) as interrupt:
            signal.raise_signal(signal.SIGHUP)
        assert not interrupt.asked
    finally:
        signal.signal(signal.SIGHUP, before)


@posix
def test_a_signal_that_comes_twice_stops_no_write(capfd, request):
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # a job in the background may ignore it
    request.addfinalizer(lambda: signal.signal(signal.SIGHUP, before))
    with Interrupt(True) as interrupt:
        for number in signal.SIGHUP, signal.SIGHUP, signal.SIGTERM:  # as a shell that is closed sends
            signal.raise_signal(number)
    assert interrupt.code == 128 + signal.SIGHUP
    assert capfd.readouterr().err.count("stopping after this step") == 1


@pytest.mark.parametrize("side", ["numpy", "torch"])
@pytest.mark.parametrize("stop", [1, 7, 10, 20])
def test_the_log_of_a_resumed_run_is_that_of_an_unbroken_one(place, side, stop):
    words = ["--with", side, *SMALL, "--steps", "200" if side == "numpy" else "20"]
    assert train(*words, "--out", "whole") == 0
    assert train(*words, "--out", "broken", stop=stop) == 130
    assert train("--with", side, "--resume", "--out", "broken") == 0
    whole, broken = ((place / name / "log.csv").read_bytes() for name in ("whole", "broken"))
    assert whole == broken
    best = [checkpoint.load(f"{name}/best.npz") for name in ("whole", "broken")]
    assert best[0].state.step == best[1].state.step
    assert all(map(np.array_equal, *(tree.leaves(kept.params) for kept in best)))


# Each child trains in a fork of this process, which has imported all, and is killed at a random
# moment; the next goes on. When a run is at its end, its log is compared, and a new one begins.
KILLING = """
import json, os, random, signal, sys, time
from compare.__main__ import main
from compare.files import checkpoint
from compare.training import log
side, kills, words = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
log.EVALUATIONS = 10**9  # a checkpoint at every step
import compare.training.loop, compare.training.settings, compare.training.numpy_side
if side == "torch":
    import torch, torch._dynamo, compare.training.torch_side
    torch.set_num_threads(1)

def child(folder, resume):
    process = os.fork()
    if process:
        return process
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.stdout = open(1, "w")
    os._exit(main(["train", "--with", side, "--threads", "1", "--out", folder,
                   *(["--resume"] if resume else words)]))

start = time.perf_counter()
_, code = os.waitpid(child("whole", False), 0)
assert code == 0
length, rng, runs, done = time.perf_counter() - start, random.Random(0), 0, 0
while done < kills or not runs:
    folder = f"run{runs}"
    saved = checkpoint.latest(f"{folder}/checkpoint.npz")
    before = checkpoint.load(saved).state.step if os.path.exists(saved) else 0
    process = child(folder, before > 0)
    if done < kills:
        time.sleep(rng.uniform(0, length))
        os.kill(process, signal.SIGKILL)
    _, code = os.waitpid(process, 0)
    assert code in (0, 9), code
    done += code == 9
    latest = checkpoint.latest(f"{folder}/checkpoint.npz")
    if not os.path.exists(latest):
        assert not before, "the checkpoint is lost"
        continue
    kept = checkpoint.load(latest)
    assert kept.state.step >= before, "a step is lost"
    if kept.state.step == kept.schedule.steps:
        wanted, found = (open(f"{name}/log.csv", "rb").read() for name in ("whole", folder))
        assert found == wanted, "the log is another"
        runs += 1
print(json.dumps(runs))
"""


@posix
@pytest.mark.parametrize("side, kills", [("numpy", KILLS), ("torch", KILLS // 14)])
def test_kills_at_random_moments_lose_nothing(place, side, kills):
    done = started(side, str(kills), "--text", "own.txt", *SMALL, "--steps", "5", code=KILLING)
    out, said = done.communicate()
    assert done.returncode == 0, said
    assert json.loads(out) > 0  # so many runs reached their end
