"""Models from a thousand parameters to GPT-2's 124 million, trained once on each side.

As a process, python -m compare.bench.each_size SIDE SIZE, with SIZE as JSON: each line of its
input asks for all updates, and is answered with a line of JSON.
"""

import json
import sys
import time
from types import SimpleNamespace

import numpy as np

from reference.fast import memory
from reference.gpt import Config
from reference.train import Schedule

from ..progress import waiting
from ..text import kinds
from ..text.documents import Source
from ..training import plan
from ..training.job import Batches, Job
from ..words import counted
from .bench import Side, machine

EACH_SIZE = [  # V, T, L, H, C, B
    dict(V=103, T=32, L=2, H=1, C=4, B=16), dict(V=103, T=32, L=2, H=1, C=16, B=16),
    dict(V=103, T=32, L=2, H=4, C=64, B=16), dict(V=103, T=64, L=4, H=4, C=128, B=12),
    dict(V=103, T=256, L=6, H=6, C=384, B=4), dict(V=50257, T=1024, L=12, H=12, C=768, B=1)]
UPDATES = 4
EACH_HEAD = (f"{'V, T, L, H, C, B':<27}{'parameters':>12}{'seconds':>17}{'memory, MB':>15}"
             f"{'last loss':>18}{'apart':>9}\n"
             f"{'':<39}{'NumPy':>9}{'torch':>8}{'NumPy':>8}{'torch':>7}{'NumPy':>10}{'torch':>8}")


def train_and_answer(name, size):
    """Train one size on the text of train, and answer with seconds, losses and the peak."""
    n = SimpleNamespace(**json.loads(size))
    documents = Source().read()
    tokenizer = kinds.make("characters", documents, 0, None)
    config = Config(max(n.V, tokenizer.vocab_size), n.T, n.L, n.H, n.C)
    job = Job(config, Schedule(steps=UPDATES, lr=1e-3, min_lr=1e-4, warmup=1), n.B, 0, "float32",
              tokenizer, *documents.ids(tokenizer, n.T), threads=n.threads)
    print(json.dumps("ready"), flush=True)
    for _ in sys.stdin:
        if name == "torch":
            import torch

            from ..training.torch_side import TorchSide
            torch.set_num_threads(n.threads)
            side = TorchSide(job)
        else:
            from ..training.numpy_side import NumpySide
            side = NumpySide(job)
        marks, losses = [time.process_time()], []
        for step in side.steps(Batches(job)):
            marks.append(time.process_time())
            losses.append(step.loss)
        print(json.dumps({"seconds": float(np.median(np.diff(marks)[1:])), "losses": losses,
                          "peak": memory.peak()}), flush=True)


def each_size_and_print(threads, path):
    """Train every size on each side, one after the other, print the table and write the JSON."""
    print(f"{machine()}\nfloat32, {counted(threads, 'thread')} a side, {UPDATES} updates each; "
          "seconds: processor time of a step, the\nmedian of the last three; memory: the most that "
          "the side's process held; apart: the losses\nof both sides, at most\n")
    print(EACH_HEAD)
    rows = []
    for n in waiting.over(EACH_SIZE, lambda n: ", ".join(map(str, n.values()))):
        answers = []
        for name in waiting.over(("numpy", "torch"), str):
            with Side(name, n, threads, module="each_size") as side:
                answers.append(side.ask("train"))
        rows.append({"size": n, "numpy": answers[0], "torch": answers[1]})
        print(size_row(n, *answers), flush=True)
    with open(path, "w", encoding="utf-8") as file:
        print(json.dumps({"machine": machine(), "threads": threads, "sizes": rows}, indent=1),
              file=file)
    print(f"\n{path} is written")


def size_row(n, ours, theirs):
    """Return the row of one size."""
    parameters = plan.parameters(Config(n["V"], n["T"], n["L"], n["H"], n["C"]))
    apart = np.abs(np.subtract(ours["losses"], theirs["losses"])).max()
    held = [f"{one['peak'] / 1e6:,.0f}" if one["peak"] else "?" for one in (ours, theirs)]
    return (f"{', '.join(map(str, n.values())):<27}{parameters:>12,}"
            f"{ours['seconds']:>9.4f}{theirs['seconds']:>8.4f}{held[0]:>8}{held[1]:>7}"
            f"{ours['losses'][-1]:>10.4f}{theirs['losses'][-1]:>8.4f}{apart:>9.0e}")


if __name__ == "__main__":
    train_and_answer(*sys.argv[1:])
