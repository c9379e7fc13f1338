"""A step of adapters beside a llama from a GGUF file: in NumPy, packed and not, and in torch.

python -m compare.bench.adapter_steps SIDE SIZE is one side in a process of its own, as in
real_model.py, with SIZE {"model": the path, "rank": R, "threads": 1}. It answers "step" with the
seconds of the processor that an update takes, and its loss.
"""

import itertools
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from reference.fast import memory
from reference.labs import adaptation
from reference.train import Schedule

from ..files import llama_gguf
from ..training import trained
from ..training.adapting import SCALE, NumpyAdapting
from ..training.job import Job
from .bench import Side, duel, machine, ratio_by_turns
from .real_model import SIDES_OF_MODEL

T = 256  # tokens of an update


class Steps:
    """What a side answers; all draw the same ids and adapters."""

    def __init__(self, name, model, rank, threads):
        config, frozen, tokenizer = trained.of_llama(model, keep_bits=name == "packed")
        rng = np.random.default_rng(0)
        adapters = adaptation.init(frozen, rank, rng)
        ids = rng.integers(0, config.vocab_size, (1, T + 1))
        schedule = Schedule(steps=2**40, lr=1e-3, min_lr=1e-3, warmup=0, weight_decay=0.0)
        job = Job(replace(config, block_size=T), schedule, 1, 0, "float32", tokenizer, ids, ids,
                  threads=threads, weights=adapters)
        if name == "torch":
            from ..training.torch_adapting import TorchAdapting
            side = TorchAdapting(job, frozen, SCALE)
        else:
            side = NumpyAdapting(job, frozen)
        self.updates = side.steps(itertools.repeat((ids[:, :-1], ids[:, 1:], None)))

    def step(self):
        start = time.process_time()
        loss = next(self.updates).loss
        return {"step": time.process_time() - start, "loss": float(loss)}

    def peak(self):
        return memory.peak()


def measure_and_print_steps(path, rank, rounds, to):
    """Measure, print the table, and write everything as JSON to a path."""
    llama_gguf.read_llama(path)  # refuses what is no llama, before the minutes of measuring
    print(f"{machine()}, 1 thread a side, {rounds} turns, rank {rank}, {T} tokens\n\n{HEAD}")
    size = {"model": str(path), "rank": rank}
    sides = {name: Side(name, size, 1, module="adapter_steps") for name in SIDES_OF_MODEL}
    try:
        turns = duel(sides, rounds + 1, "step")  # the first makes what all others use again
        turns = {name: answers[1:] for name, answers in turns.items()}
        held = {name: side.ask("peak") for name, side in sides.items()}
    finally:
        for side in sides.values():
            side.__exit__()
    for name, words in SIDES_OF_MODEL.items():
        middle, least, most = ratio_by_turns(turns, name, "step")
        print(f"   {words:<16}{np.median([turn['step'] for turn in turns[name]]):>8.2f} s"
              f"{middle:>8.2f} ({least:.2f} - {most:.2f})"
              f"{f'{held[name] / 1e6:,.0f} MB' if held[name] else 'unknown':>12}")
    found = {"machine": machine(), "model": Path(path).name, "rank": rank, "turns": turns,
             "memory": held}
    Path(to).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"\n{to} is written")


HEAD = """\
seconds of the processor of a step of adapters, the median of the turns; the ratio to torch is the
median of the turns' ratios, with the least and the largest. memory: the most that the process held

                          step   ratio (from - to)      memory"""


def main(name, size):
    """Answer each line of the input."""
    answers = Steps(name, **json.loads(size))
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        print(json.dumps(getattr(answers, line.strip())()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
