"""The bench of a llama of others: all three sides write the same, and what is refused."""

import numpy as np
import pytest

from compare.__main__ import main
from compare.bench import adapter_steps, real_model
from compare.bench.real_model import Answers, NumpyWriter, TorchWriter
from llama_form import gguf_llama
from published_form import small
from reference.llama import Config

SMALL = Config(small().vocab_size, 16, n_layer=2, n_head=2, n_kv_head=1, n_embd=32, n_hidden=32)


def test_all_sides_write_the_same_tokens_and_say_how_long_they_took(tmp_path):
    path = gguf_llama(SMALL, tmp_path / "a.gguf", small())
    wrote = []
    for writer in NumpyWriter(path, False), NumpyWriter(path, True), TorchWriter(path):
        ids = np.arange(30)                  # more than the model's window, which is no limit here
        tokens = [writer.begin(ids)]
        for t in range(3):
            tokens.append(writer.step(tokens[-1], 30 + t))
        wrote.append(tokens)
        side = Answers(writer)
        assert 0 <= side.prompt("7") < 60 and 0 <= side.tokens("2")["token"] < 60
    assert wrote[0] == wrote[1] == wrote[2]


def test_all_sides_make_the_same_updates_of_adapters(tmp_path, monkeypatch):
    monkeypatch.setattr(adapter_steps, "T", 8)
    path = gguf_llama(SMALL, tmp_path / "a.gguf", small())
    sides = [adapter_steps.Steps(name, path, 2, 1) for name in real_model.SIDES_OF_MODEL]
    losses = [[side.step()["loss"] for _ in range(3)] for side in sides]
    np.testing.assert_allclose(losses, [losses[2]] * 3, rtol=1e-5)
    assert losses[0][2] < losses[0][0]


def test_the_table_has_a_row_for_each_side():
    turns = {"numpy": [0.06, 0.085], "packed": [0.07, 0.09], "torch": [0.08, 0.1]}
    rows = real_model.model_table(
        16, dict.fromkeys(turns, 0.5), {n: [{"token": s} for s in v] for n, v in turns.items()},
        {"numpy": 700e6, "packed": None, "torch": 900e6}).splitlines()
    assert rows[0] == ("   16   numpy, float32        72.5    0.80 (0.75 - 0.85)      0.50 s"
                       "    700 MB")
    assert rows[1].startswith("        numpy, packed         80.0    0.89 (0.88 - 0.90)")
    assert rows[1].endswith(" unknown") and "1.00 (1.00 - 1.00)" in rows[2]


@pytest.mark.parametrize("words, sentence", [
    (["--model", "none.gguf"], "weights is none.gguf, which is not a file; allowed"),
    (["--lora", "8"], "lora is 8; allowed: only with --model FILE.gguf"),
    (["--model", "a.gguf", "--gradcheck"], "model is a.gguf; allowed: only with --turns and --json"),
    (["--model", "a.gguf", "--sizes", "1"], "model is a.gguf; allowed: only with --turns and --json")])
def test_what_can_not_be_measured_is_refused(words, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["bench", *words]) == 2
    assert f"error: {sentence}" in capsys.readouterr().err
