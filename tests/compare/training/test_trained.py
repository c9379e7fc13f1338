"""Beginning with weights, and choosing among those of a run: what is trained, sampled, exported."""

import numpy as np
import pytest

from compare.__main__ import main
from compare.files import checkpoint, gpt2, weight_files
from compare.text.bpe import BPETokenizer
from compare.training import numpy_side
from gpt2_form import write_gpt2
from reference import gpt
from reference.tools import tree
from runs import SMALL, TEXT, entries, train

FEW = ["--batch-size", "4", "--steps", "4", "--warmup", "1"]
GPT2 = ["--weights", "gpt2.safetensors", "--gpt2-files", "gpt2", "--n-head", "2", *FEW]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a text, GPT-2's files of a small tokenizer, and weights by GPT-2's names."""
    (tmp_path / "own.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "gpt2").mkdir()
    write_gpt2(tmp_path / "gpt2", BPETokenizer([(116, 111), (98, 101)]))
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    shapes = {"wte.weight": (259, 8), "wpe.weight": (16, 8), "ln_f.weight": (8,), "ln_f.bias": (8,)}
    for i in range(2):
        for name, shape in {
                "ln_1.weight": (8,), "ln_1.bias": (8,), "ln_2.weight": (8,), "ln_2.bias": (8,),
                "attn.c_attn.weight": (8, 24), "attn.c_attn.bias": (24,), "attn.c_proj.bias": (8,),
                "attn.c_proj.weight": (8, 8), "mlp.c_fc.weight": (8, 32), "mlp.c_fc.bias": (32,),
                "mlp.c_proj.weight": (32, 8), "mlp.c_proj.bias": (8,)}.items():
            shapes[f"h.{i}.{name}"] = shape
    weight_files.write_weights("gpt2.safetensors", {
        name: rng.standard_normal(shape).astype("f4") for name, shape in shapes.items()})
    return tmp_path


@pytest.mark.parametrize("side", ["numpy", "torch"])
def test_gpt2s_weights_are_trained_exported_and_loaded_again(place, capsys, side):
    assert train("--with", side, *GPT2) == 0
    kept = checkpoint.load("run/checkpoint.npz")
    config, params = gpt2.from_gpt2(weight_files.read_weights("gpt2.safetensors"), n_head=2)
    assert kept.config == config == gpt.Config(259, 16, 2, 2, 8) and kept.state.step == 4
    moved = [np.abs(a - b).max() for a, b in zip(tree.leaves(params), tree.leaves(kept.params))]
    assert 0 < max(moved) < 0.1  # it began where they are
    assert main(["export", "--last", "--to", "mine.npz"]) == 0
    back, again = gpt2.from_gpt2(weight_files.read_weights("mine.npz"), n_head=2)
    assert back == config and all(map(np.array_equal, tree.leaves(again), tree.leaves(kept.params)))
    capsys.readouterr()
    for words in ["--last"], ["--weights", "mine.npz", "--n-head", "2", "--gpt2-files", "gpt2"]:
        assert main(["sample", "--prompt", "to", "--count", "30", *words]) == 0
    texts = capsys.readouterr().out
    assert texts[:len(texts) // 2] == texts[len(texts) // 2:]


def test_the_first_loss_is_that_of_the_weights(place):
    assert train("--with", "numpy", *GPT2, "--steps", "1", "--lr", "0", "--dtype", "float64") == 0
    config, params = gpt2.from_gpt2(weight_files.read_weights("gpt2.safetensors"), n_head=2)
    kept = checkpoint.load("run/checkpoint.npz")
    assert all(np.array_equal(a, b) and b.dtype == np.float64
               for a, b in zip(tree.leaves(params), tree.leaves(kept.params)))
    assert entries("run")[0].loss > 1.2 * np.log(259)  # of weights so large; of fresh ones it is 1.0


def test_windows_may_be_shorter_than_the_weights_have_positions(place, capsys):
    assert train("--with", "numpy", *GPT2, "--block-size", "5") == 0
    assert checkpoint.load("run/checkpoint.npz").config.block_size == 5
    assert train("--with", "numpy", *GPT2, "--block-size", "17", "--out", "other") == 2
    assert "block_size is 17, but gpt2.safetensors has 16 positions" in capsys.readouterr().err


def test_a_checkpoint_is_trained_on_another_text_with_its_own_tokenizer(place, capsys):
    assert train("--with", "numpy", *SMALL, "--out", "first") == 0
    first = checkpoint.load("first/checkpoint.npz")
    (place / "other.txt").write_text("nobler mind. " * 60, encoding="utf-8")
    words = ["train", "--with", "torch", "--weights", "first/checkpoint.npz", *FEW, "--lr", "1e-30"]
    assert main([*words, "--text", "other.txt", "--min-lr", "0"]) == 0
    kept = checkpoint.load("run/checkpoint.npz")
    assert kept.tokenizer == first.tokenizer and kept.config == first.config
    assert all(map(np.array_equal, tree.leaves(kept.params), tree.leaves(first.params)))
    assert not np.array_equal(kept.state.m.norm.bias, first.state.m.norm.bias)  # a run of its own
    (place / "other.txt").write_text("NOBLER MIND. " * 60, encoding="utf-8")
    assert main([*words, "--text", "other.txt", "--out", "third"]) == 2
    assert "allowed: the 21 characters of the training text" in capsys.readouterr().err


@pytest.mark.parametrize("words, sentence", [
    ([*GPT2, "--n-layer", "3"], "n_layer is 3, but gpt2.safetensors has 2; allowed: no other size"),
    ([*GPT2, "--preset", "micro"], "n_layer is 1, but gpt2.safetensors has 2; allowed: no other size"),
    ([*GPT2, "--vocab-size", "300"], "vocab_size is 300, but gpt2.safetensors has 259"),
    ([*GPT2, "--resume"], "weights is gpt2.safetensors; allowed: only without --resume"),
    (["--weights", "gpt2.safetensors", "--n-head", "2"], "encoder.json, which can't be read"),
    (["--weights", "gpt2.safetensors"], "n_embd is 8; allowed: a multiple of 64 where n_head"),
    (["--weights", "none.npz"], "weights is none.npz, which is not a file"),
    (["--weights", "own.txt"], "weights is own.txt, which has the suffix '.txt'"),
    (["--weights", "run/checkpoint.npz", "--n-head", "1"], "n_head is 1, but run/checkpoint.npz has 2"),
    (["--weights", "run/checkpoint.npz", "--gpt2-files", "gpt2"], "only with weights that hold no tok"),
    (["--weights", "run/checkpoint.npz", "--tokenizer", "bytes"], "tokenizer is another than that of"),
])
def test_what_cannot_be_begun_with_is_refused(place, capsys, words, sentence):
    if "run/checkpoint.npz" in words:
        assert train("--with", "numpy", *SMALL) == 0
    assert train("--with", "numpy", "--out", "other", *words) == 2
    assert sentence in capsys.readouterr().err


def test_sample_takes_the_best_checkpoint_or_the_last_and_says_which(place, monkeypatch, capsys):
    losses = iter([3.0, 2.0, 1.5, *[2.0] * 7])
    monkeypatch.setattr(numpy_side.NumpySide, "evaluate", lambda *_: next(losses))
    assert train("--with", "numpy", *SMALL) == 0
    capsys.readouterr()
    said = []
    for words in [], ["--last"], ["--weights", "run/best.npz"]:
        assert main(["sample", "--count", "50", "--prompt", "to", *words]) == 0
        said.append(capsys.readouterr())
    assert said[0].err == "run/best.npz, after step 6, validation loss 1.5000\n"
    assert said[1].err == "run/checkpoint.npz, after step 20, validation loss 2.0000\n"
    assert said[2].err == "" and said[0].out == said[2].out != said[1].out
    assert main(["export", "--to", "best.npz"]) == 0 and "after step 6" in capsys.readouterr().out


def test_the_best_of_a_run_that_was_removed_is_not_sampled(place, capsys):
    assert train("--with", "numpy", *SMALL) == 0
    for name in "checkpoint.npz", "checkpoint.previous.npz":
        (place / "run" / name).unlink()
    assert train("--with", "numpy", *SMALL, stop=1) == 130
    assert main(["sample", "--count", "5"]) == 0
    assert capsys.readouterr().err.endswith("run/checkpoint.npz, after step 1\n")
