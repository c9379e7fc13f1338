"""A llama of others from a GGUF file: time and memory in NumPy, packed and not, and in torch.

python -m compare.bench.real_model SIDE SIZE is one side in a process of its own, with SIDE numpy,
packed or torch, and as SIZE {"model": the path, "threads": 1} in JSON. It answers "prompt T" with
the seconds that T tokens take at once, "tokens COUNT" with those of one more, "peak" as sides.py
does. All are seconds of the processor: those of others on the machine don't count.
"""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from reference.fast import memory

from ..files import llama_gguf
from ..layers.models import model_of, torch_model
from ..training import trained
from .bench import Side, duel, machine, ratio_by_turns

CONTEXTS = 16, 1024          # tokens of the prompt
SIDES_OF_MODEL = {"numpy": "numpy, float32", "packed": "numpy, packed", "torch": "torch, float32"}
ROOM = 64                    # tokens after the prompt: every turn writes the same ones


class NumpyWriter:
    """The writer of sample --model, with --keep-bits where packed."""

    def __init__(self, path, packed):
        self.config, self.params, _ = trained.of_llama(path, packed)
        self.decoder = model_of(self.config).writer()["decoder"]

    def begin(self, ids):
        config = replace(self.config, block_size=len(ids) + ROOM)
        logits, self.kept = self.decoder.begin(ids, self.params, config=config)
        return int(logits.argmax())

    def step(self, token, t):
        return int(self.decoder.step(token, self.params, self.kept, t).argmax())


class TorchWriter:
    """The writer of sample --model --with torch."""

    def __init__(self, path):
        import torch
        torch.set_num_threads(1)
        self.config, params, _ = trained.of_llama(path)
        self.decoder = model_of(self.config).torch_writer()["decoder"]
        self.params = self.decoder.params(torch_model(self.config, params, shared=True))
        self.torch = torch

    def begin(self, ids):
        params = self.params._replace(block_size=len(ids) + ROOM)
        with self.torch.inference_mode():
            logits, self.kept = self.decoder.begin(self.torch.from_numpy(ids), params)
        return logits.argmax().item()

    def step(self, token, t):
        with self.torch.inference_mode():
            token = self.torch.tensor([token])
            return self.decoder.step(token, self.params, self.kept, t).argmax().item()


class Answers:
    """What a side answers; the tokens are drawn, and then the likeliest."""

    def __init__(self, writer):
        self.writer = writer

    def prompt(self, length):
        ids = np.random.default_rng(0).integers(0, self.writer.config.vocab_size, int(length))
        start = time.process_time()
        self.token, self.at = self.writer.begin(ids), len(ids)
        return time.process_time() - start

    def tokens(self, count):
        token, start = self.token, time.process_time()
        for t in range(int(count)):
            token = self.writer.step(token, self.at + t)
        return {"token": (time.process_time() - start) / int(count)}

    def peak(self):
        return memory.peak()


def measure_and_print_model(path, rounds, to, contexts=CONTEXTS):
    """Measure, print the table, and write everything as JSON to a path."""
    llama_gguf.read_llama(path)  # refuses what is no llama, before the minutes of measuring
    print(f"{machine()}, 1 thread a side, {rounds} turns\n\n{HEAD}")
    found = {"machine": machine(), "rounds": rounds, "model": Path(path).name, "contexts": {}}
    sides = {name: Side(name, {"model": str(path)}, 1, module="real_model")
             for name in SIDES_OF_MODEL}
    try:
        for T in contexts:
            row = found["contexts"][T] = {
                "prompt": {name: side.ask(f"prompt {T}") for name, side in sides.items()},
                "turns": duel(sides, rounds, f"tokens {ROOM // 8}")}
            row["memory"] = {name: side.ask("peak") for name, side in sides.items()}
            print(model_table(T, **row), flush=True)
    finally:
        for side in sides.values():
            side.__exit__()
    Path(to).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"\n{to} is written")


HEAD = """\
milliseconds of the processor: a token after a prompt of T, the median of the turns; the ratio to
torch is the median of the turns' ratios, with the least and the largest. prompt: its seconds, once.
memory: the most that the process has held, from its start on

    T                        token   ratio (from - to)      prompt    memory"""


def model_table(T, prompt, turns, memory):
    """Return the rows of one length of the prompt."""
    lines = []
    for name, words in SIDES_OF_MODEL.items():
        middle, least, most = ratio_by_turns(turns, name, "token")
        held = f"{memory[name] / 1e6:,.0f} MB" if memory[name] else "unknown"
        lines.append(f"{T if not lines else '':>5}   {words:<16}"
                     f"{1e3 * np.median([turn['token'] for turn in turns[name]]):>10.1f}"
                     f"{middle:>8.2f} ({least:.2f} - {most:.2f}){prompt[name]:>10.2f} s{held:>10}")
    return "\n".join(lines)


def main(name, size):
    """Answer each line of the input."""
    path = SimpleNamespace(**json.loads(size)).model
    answers = Answers(TorchWriter(path) if name == "torch" else NumpyWriter(path, name == "packed"))
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        verb, *numbers = line.split()
        print(json.dumps(getattr(answers, verb)(*numbers)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
