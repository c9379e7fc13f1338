"""train --lora: both sides learn the same adapters, which sample takes, beside a llama of others."""

import csv

import numpy as np
import pytest

from compare.__main__ import main
from compare.files import adapter
from compare.training import trained
from llama_form import gguf_llama
from published_form import small
from reference import llama
from reference.labs import adaptation
from reference.llama import Config
from reference.tools import tree

TOKENIZER = small()
MODEL = Config(TOKENIZER.vocab_size, 32, n_layer=1, n_head=2, n_kv_head=1, n_embd=32, n_hidden=32,
               tied=True)
TRAIN = ["train", "--model", "small.gguf", "--lora", "2", "--text", "own.txt"]
FEW = ["--steps", "6", "--block-size", "8", "--batch-size", "4", "--lr", "0.1", "--warmup", "0"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a small llama and a text."""
    gguf_llama(MODEL, tmp_path / "small.gguf", TOKENIZER)
    (tmp_path / "own.txt").write_text("the abc of the cab, in 12 lines.\n" * 12)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def losses(folder):
    """The training losses, and the validation losses, of a log."""
    with open(folder / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return np.array([[float(row["loss"]), float(row["valid"])] for row in rows])


def test_both_sides_learn_the_same_adapters_and_the_model_learns_the_text(place, capsys):
    config, params, _ = trained.of_llama("small.gguf")
    for side in "numpy", "torch":
        assert main([*TRAIN, *FEW, "--with", side, "--out", side]) == 0
        assert f"--model small.gguf --adapter {side}" in capsys.readouterr().out
    (ours, scale), (theirs, _) = (adapter.load_adapters(f"{side}/adapter.safetensors", config, params)
                                  for side in ("numpy", "torch"))
    np.testing.assert_allclose(losses(place / "numpy"), losses(place / "torch"), rtol=1e-5)
    for one, other in zip(tree.leaves(ours), tree.leaves(theirs), strict=True):
        assert np.abs(one - other).max() <= 1e-4 and np.abs(one).max() > 1e-3
    assert losses(place / "numpy")[-1, 1] < losses(place / "numpy")[0, 1]
    tokens = np.array([TOKENIZER.encode("the cab")])
    merged = adaptation.adapt(params, ours, scale=scale)
    assert not np.array_equal(*(llama.forward(tokens, p, config=config)[0].argmax(-1)
                                for p in (params, merged)))


def test_sample_writes_with_the_adapters_and_with_both_sides_the_same(place, capsys):
    assert main([*TRAIN, *FEW]) == 0  # with NumPy, where nothing else is said
    capsys.readouterr()
    texts = []
    for words in [], ["--adapter", "run/best.safetensors"]:
        for side in "numpy", "torch":
            assert main(["sample", "--model", "small.gguf", "--prompt", "the", "--temperature", "0",
                         "--count", "9", "--with", side, *words]) == 0
            texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1] != texts[2] == texts[3]


def test_packed_weights_learn_as_floats_do_and_write_the_same(place, capsys):
    for words in [], ["--keep-bits"]:
        assert main([*TRAIN, *FEW, "--out", "packed" if words else "floats", *words]) == 0
    np.testing.assert_allclose(losses(place / "packed"), losses(place / "floats"), rtol=1e-5)
    capsys.readouterr()
    texts = []
    for words in [], ["--keep-bits"]:
        assert main(["sample", "--model", "small.gguf", "--prompt", "the", "--temperature", "0",
                     "--count", "9", "--adapter", "packed/best.safetensors", *words]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]


def test_a_window_is_as_long_as_a_short_text_allows(place):
    assert main([*TRAIN, "--steps", "1"]) == 0
    assert main([*TRAIN, "--steps", "1", "--block-size", "200", "--out", "other"]) == 2


@pytest.mark.parametrize("words, sentence", [
    (["--with", "both"], "with is both; allowed with --lora: numpy or torch"),
    (["--with", "torch", "--device", "cuda"], "device is cuda; allowed with --lora: cpu"),
    (["--with", "torch", "--autocast"], "autocast is True; allowed: only without --lora"),
    (["--dtype", "float64"], "dtype is float64; allowed: only without --lora"),
    (["--resume"], "resume is True; allowed: only without --lora"),
    (["--n-layer", "2"], "n_layer is 2; allowed: only without --lora, as the model has its own"),
    (["--weights", "w.npz"], "weights is w.npz; allowed: only without --lora"),
    (["--block-size", "33"], "block_size is 33, but small.gguf has 32 positions; allowed: at most"),
    (["--model", "none.gguf"], "weights is none.gguf, which is not a file"),
    (["--keep-bits", "--with", "torch"], "keep_bits is given; allowed: only with --with numpy"),
    (["--lora", "0"], "allowed"),
    (["--text", "none.txt"], "none.txt"),
])
def test_what_adapters_do_not_take_is_refused(words, sentence, place, capsys):
    try:
        code = main([*TRAIN, *words])
    except SystemExit as stopped:  # of argparse
        code = stopped.code
    assert code == 2 and sentence in capsys.readouterr().err and not (place / "run").exists()


def test_adapters_that_are_there_are_not_written_over(place, capsys):
    assert main([*TRAIN, *FEW, "--steps", "1"]) == 0
    assert main([*TRAIN, *FEW]) == 2
    assert "out is run, which holds adapter.safetensors; allowed: another --out" in (
        capsys.readouterr().err)


def test_a_llama_of_others_is_trained_only_beside_adapters(place, capsys):
    assert main(["train", "--model", "small.gguf", "--text", "own.txt"]) == 2
    assert "model is 'small.gguf'; allowed: gpt, llama" in capsys.readouterr().err
    assert main(["sample", "--adapter", "a.safetensors"]) == 2
    assert "adapter is a.safetensors; allowed: only with --model" in capsys.readouterr().err
