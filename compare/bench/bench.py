"""The bench: NumPy against torch, each in processes of its own, taking turns.

Idle threads of one library spin and slow the other, so the two never share a process, and each
rests a moment before the other's turn. A ratio is taken turn by turn: it holds where the machine's
speed drifts, as that of a shared one does.
"""

import contextlib
import itertools
import json
import os
import platform
import shutil
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np

from reference.fast import blas, fused_adamw

from . import long_context
from ..layers.models import config_from_letters, model_of
from ..layers.source import HOUSE
from ..progress import waiting
from ..training import plan
from ..words import processor

SIZES = [  # of the step, of a GPT where no model is named
    dict(V=27, T=16, L=1, H=4, C=16, B=1),
    dict(V=65, T=32, L=2, H=2, C=32, B=8),
    dict(V=65, T=64, L=4, H=4, C=128, B=12),
    dict(V=65, T=256, L=6, H=6, C=384, B=8),
    dict(V=50257, T=64, L=12, H=12, C=768, B=4),
    dict(model="llama", V=65, T=64, L=4, H=4, C=128, B=12, K=2, F=344),
]
PARTS = ("forward", "backward", "update", "step")
REST = 0.25         # seconds in which the threads of the side before fall asleep
GROWTH = {          # what grows, from a small model that it dominates; the others stay
    "T": (dict(V=65, L=2, H=4, C=128, B=2), (128, 256, 512, 1024)),
    "C": (dict(V=65, T=64, L=2, H=4, B=4), (128, 256, 512, 1024)),
    "L": (dict(V=65, T=64, H=4, C=128, B=4), (1, 2, 4, 8)),
    "B": (dict(V=65, T=64, L=2, H=4, C=128), (4, 8, 16, 32)),
}


class Side:
    """A process that does steps of one side, of this house or of another one; see sides.py.

    Another module of this room may answer in its place.
    """

    def __init__(self, name, size, threads, house=HOUSE, module="sides"):
        variables = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"compare.bench.{module}", name,
             json.dumps(size | {"threads": threads})],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=house,
            env=os.environ | dict.fromkeys(variables, str(threads)))
        self.answer()

    def ask(self, words):
        """Return the answer to a line."""
        self.process.stdin.write(f"{words}\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise ValueError(f"a side of the bench ended with exit code {self.process.wait()}; "
                             "allowed: sizes that fit into the memory")
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


@contextlib.contextmanager
def sides(size, names, threads, against=None):
    """Give a dict of Sides to a with block; they end with it. There is one of `against`, too."""
    with contextlib.ExitStack() as stack:
        found = {name: stack.enter_context(Side(name, size, threads))
                 for name in waiting.over(names, "starting {}".format)}
        if against:
            found["there"] = stack.enter_context(Side("numpy", size, threads, against))
        yield found


def duel(sides, rounds, words):
    """Return what each side answers to the words in each of its turns."""
    turns = {name: [] for name in sides}
    for _ in waiting.over(range(rounds)):
        for name, side in waiting.over(sides.items(), lambda pair: pair[0]):
            time.sleep(REST)
            turns[name].append(side.ask(words))
    return turns


def ratio_by_turns(turns, name, part, other="torch"):
    """Return the median, the least and the largest of a side's time by another's, by turns."""
    of = sorted(a[part] / b[part] for a, b in zip(turns[name], turns[other]))
    return float(np.median(of)), of[0], of[-1]


def peak_of_products(threads, size=2048):
    """Return the operations a second of a large float32 matrix product, the best of ten."""
    a, b = np.random.default_rng(0).standard_normal((2, size, size), np.float32)
    out = np.empty_like(a)

    def seconds():
        start = time.perf_counter()
        np.matmul(a, b, out=out)
        return time.perf_counter() - start
    with blas.threads(threads):
        return 2 * size**3 / min(seconds() for _ in range(10))


def growth():
    """Return, for T, C, L and B, the exponents with which time and memory grow: fitted, expected.

    Expected are those of the operations and of the peak that the plan counts, over the same sizes.
    """
    found = {}
    for letter, (base, values) in waiting.over(GROWTH.items()):
        rows = [grown(base | {letter: value})
                for value in waiting.over(values, f"{letter} = {{}}".format)]
        found[letter] = {"values": list(values)} | {
            name: slope(values, [row[name] for row in rows])
            for name in ("seconds", "operations", "peak", "planned")}
    return found


def grown(n):
    """Return the measured and the planned cost of one step of the textbook form."""
    config, rng = config_from_letters(n), np.random.default_rng(0)
    model = model_of(config).numpy
    tokens, targets = rng.integers(0, n["V"], (2, n["B"], n["T"]))
    optimizer = fused_adamw.FusedAdamW(model.init(config, rng))

    def step():
        _, grads = model.loss_and_grad(tokens, targets, optimizer.params, config=config)
        clipped, _ = optimizer.clip(grads, 1.0)
        optimizer.update(optimizer.params, clipped, optimizer.state, lr=1e-4)
    seconds = plan.time_of(step, 0.5)
    tracemalloc.start()
    held = optimizer.flat.nbytes
    step()
    _, taken = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    planned = plan.plan_of(config, n["B"])
    return {"seconds": seconds, "operations": planned.operations, "peak": held + taken,
            "planned": planned.peak}


def slope(sizes, costs):
    """Return the exponent of the power law that fits best."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def compiler():
    """Return the name of a C++ compiler for torch.compile, or None."""
    return next((name for name in ("g++", "clang++", "cl") if shutil.which(name)), None)


def measure_and_print(numbers, threads, rounds, path, against=None):
    """Measure, print the tables, and write everything as JSON to the path."""
    names = ["numpy", "torch", *(["compiled"] if compiler() else [])]
    print(f"{machine()}, {threads} threads a side, float32, {rounds} turns")
    print("compiled: torch.compile with " + compiler() if compiler()
          else "compiled: left out, since no C++ compiler is here")
    top = peak_of_products(threads)
    print(f"a large matrix product: {top / 1e9:.0f} billion (10^9) operations a second\n")
    found = {"machine": machine(), "threads": threads, "rounds": rounds, "peak": top, "sizes": []}
    print(HEAD)
    for number in waiting.over(numbers, "size {}".format):
        row = {"size": SIZES[number - 1]}
        with sides(row["size"], names, threads, against) as these:
            # a turn lasts a second at least, or the two steps that it takes at the least
            row["turns"] = duel(these, rounds, "step 1")
            row["memory"] = {name: side.ask("peak") for name, side in these.items()}
            row["products"] = duel(these, 3, "products 0.1")  # last, for it takes memory
        found["sizes"].append(row)
        print(step_table(**row, top=top), flush=True)
        if against:
            print("NumPy here / there, whole step: {:.3f} ({:.3f} - {:.3f})".format(
                *ratio_by_turns(row["turns"], "numpy", "step", "there")), flush=True)
    ratios = [ratio_by_turns(row["turns"], "numpy", "step")[0] for row in found["sizes"]]
    print(f"geometric mean of NumPy / torch, whole step: {np.exp(np.mean(np.log(ratios))):.2f}\n")
    with sides(SIZES[2], ["numpy", "torch"], threads=1) as these:
        found["sampling"] = duel(these, 3, "sample 200")
    print(sampling_table(found["sampling"]), flush=True)
    with blas.threads(threads):
        found["long context"] = long_context.time_both(3)
    print(long_context.context_table(found["long context"]), flush=True)
    found["growth"] = growth()
    print(growth_table(found["growth"]))
    Path(path).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"{path} is written")


def machine():
    """Return the machine and the libraries in words."""
    from importlib.metadata import version
    return (f"{processor()}, {os.cpu_count()} cores, {platform.system()}, "
            f"Python {platform.python_version()}, numpy {version('numpy')}, "
            f"torch {version('torch')}")


HEAD = """\
milliseconds, the median of the turns; the ratio to eager torch is the median of the turns'
ratios, with the least and the largest. peak: operations of the matrix products in a step, per
second, as a share of the large product's. memory: the most that the side held. products: those
of the linear layers alone, as often as in a step, each library with its threads

V, T, L, H, C, B                   forward backward  update    step   ratio (from - to) \
   peak   memory products"""


def step_table(size, turns, memory, products, top):
    """Return the rows of one size."""
    config = config_from_letters(size)
    operations, lines = plan.plan_of(config, size["B"]).operations, []
    for name, label in itertools.zip_longest(turns, labels_of(size), fillvalue=""):
        times = {part: np.median([turn[part] for turn in turns[name]]) for part in PARTS}
        middle, least, most = ratio_by_turns(turns, name, "step")
        held = f"{memory[name] / 1e6:,.0f} MB" if memory[name] else "unknown"
        lines.append(
            f"{label:<26}{name:<9}" + "".join(f"{1e3 * times[part]:>8.2f}" for part in PARTS)
            + f"{middle:>8.2f} ({least:.2f} - {most:.2f})"
            + f"{operations / times['step'] / top:>8.0%}{held:>10}"
            + f"{1e3 * np.median(products[name]):>9.2f}")
    return "\n".join(lines)


def labels_of(size):
    """Return the labels of the rows of one size: its sizes, and what other models than a GPT have.
    """
    rest = {letter: n for letter, n in size.items() if letter not in "VTLHCB"}
    own = [rest.pop("model"), *(f"{letter} = {n}" for letter, n in rest.items())] if rest else []
    return [", ".join(str(size[letter]) for letter in "VTLHCB"), ", ".join(own)]


def sampling_table(turns):
    """Return the speed of sampling, in words."""
    lines = ["tokens a second, one thread, sampled at the third size"]
    for name, answers in turns.items():
        cached, uncached = (np.median([answer[key] for answer in answers])
                            for key in ("cached", "uncached"))
        lines.append(f"{name:<9}{cached:>9,.0f} with cached keys and values"
                     f"{uncached:>9,.0f} without{cached / uncached:>7.1f} times as fast")
    return "\n".join(lines) + "\n"


def growth_table(found):
    """Return the exponents, in words."""
    lines = ["how the NumPy step grows: the exponent of the power law that fits best",
             "                                   time  operations    memory   planned"]
    for letter, row in found.items():
        values = ", ".join(map(str, row["values"]))
        lines.append(f"{letter} = {values:<28}{row['seconds']:>8.2f}{row['operations']:>12.2f}"
                     f"{row['peak']:>10.2f}{row['planned']:>10.2f}")
    return "\n".join(lines) + "\n"
