"""A llama in place of the GPT: its options, its run on either side, what belongs to one model only."""

from dataclasses import replace

import numpy as np
import pytest

from compare.__main__ import main, parser
from compare.files import checkpoint, options
from compare.layers.models import MODELS
from compare.training import settings
from reference import llama
from reference.tools import tree
from runs import SMALL, entries, train

WORDS = ["--model", "llama", *SMALL, "--dtype", "float64"]


def config_of_words(*words):
    """Return the Config that these words ask for, of 65 tokens."""
    return settings.config_of(settings.values_of(parser().parse_args(["train", *words])), 65)


def test_every_model_has_its_options_and_no_other():
    assert options.MODEL.keys() == MODELS.keys()
    for stem, own in options.MODEL.items():
        fields = MODELS[stem].numpy.Config.__dataclass_fields__.keys()
        assert own.keys() <= fields and options.FOLLOWS.keys() <= options.MODEL["llama"].keys()


@pytest.mark.parametrize("words, sizes", [
    ("", (4, 2, 64, 176, 10000.0, False)),
    ("--preset micro", (2, 1, 8, 24, 10000.0, False)),
    ("--preset laptop", (4, 2, 128, 344, 10000.0, False)),
    ("--preset baby", (6, 3, 384, 1024, 10000.0, False)),
    ("--preset gpt2", (12, 6, 768, 2048, 10000.0, True)),
    ("--preset gpt2 --no-tied --n-kv-head 4", (12, 4, 768, 2048, 10000.0, False)),
    ("--n-head 3 --n-embd 30 --n-hidden 7 --rope-base 500 --tied", (3, 3, 30, 7, 500.0, True)),
])
def test_a_llama_is_sized_by_its_options(words, sizes):
    found = config_of_words("--model", "llama", *words.split())
    assert (found.n_head, found.n_kv_head, found.n_embd, found.n_hidden, found.rope_base,
            found.tied) == sizes


@pytest.mark.parametrize("preset", options.PRESETS)
def test_a_preset_has_about_as_many_parameters_in_both(preset):
    gpt, other = (settings.parameters(config_of_words("--model", stem, "--preset", preset))
                  for stem in ("gpt", "llama"))
    assert 0.9 <= other / gpt <= 1.25


def test_a_llama_goes_on_with_the_other_side_as_if_it_was_never_stopped(place):
    assert train("--with", "numpy", *WORDS, "--tied", "--out", "whole") == 0
    assert train("--with", "numpy", *WORDS, "--tied", "--out", "broken", stop=7) == 130
    assert train("--with", "torch", "--resume", "--n-kv-head", "0", "--out", "broken") == 0
    whole, broken = (checkpoint.load(f"{out}/checkpoint.npz") for out in ("whole", "broken"))
    assert whole.config == broken.config == llama.Config(21, 8, 1, 2, 1, 8, 24, tied=True)
    for a, b in zip(tree.leaves(whole.params), tree.leaves(broken.params), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-11)
    np.testing.assert_allclose([e.loss for e in entries("whole")],
                               [e.loss for e in entries("broken")], rtol=1e-12)


def test_both_train_a_llama_in_lockstep(place, capsys):
    assert train(*WORDS, "--steps", "5") == 0
    said = capsys.readouterr().out
    assert "step 5 of 5" in said and said.endswith("--- the two texts are the same\n")
    loss, parameter = (float(word) for word in said.split("largest difference")[1].split()
                       if "e-" in word or word == "0.0e+00")
    assert loss <= 1e-13 and parameter <= 1e-11


@pytest.mark.parametrize("words, sentence", [
    (["--tied"], "tied is given; allowed: only with --model llama"),
    (["--no-tied"], "tied is given; allowed: only with --model llama"),
    (["--n-kv-head", "2"], "n_kv_head is given; allowed: only with --model llama"),
    (["--model", "llama", "--dropout", "0.1"], "dropout is given; allowed: only with --model gpt"),
    (["--model", "bert"], "model is 'bert'; allowed: gpt, llama"),
    (["--model", "llama", "--n-kv-head", "3"], "n_kv_head is 3; allowed: a divisor of n_head = 4"),
    (["--model", "llama", "--n-embd", "12"], "n_embd is 12; allowed: a multiple of 2 n_head = 8"),
    (["--model", "llama", "--rope-base", "nan"], "rope_base is nan; allowed: a finite number"),
    (["--model", "llama", "--n-hidden", "-8"], "n_hidden is -8; allowed: an integer of at least 1"),
])
@pytest.mark.parametrize("verb", ["plan", "train"])
def test_what_a_model_has_not_is_refused(place, capsys, verb, words, sentence):
    assert main([verb, *words]) == 2
    assert capsys.readouterr().err.startswith(f"error: {sentence}")


def test_a_resumed_run_is_of_its_own_model(place, capsys):
    assert train("--with", "numpy", *WORDS, "--out", "llama", stop=2) == 130
    assert train("--with", "numpy", *SMALL, "--out", "gpt", stop=2) == 130
    for out, words, sentence in (
            ("llama", ["--model", "gpt"], "model is gpt, but the run that is resumed has llama"),
            ("llama", ["--dropout", "0.1"], "dropout is given; allowed: only with --model gpt"),
            ("llama", ["--n-hidden", "8"], "n_hidden is 8, but the run that is resumed has 24"),
            ("llama", ["--tied"], "tied is True, but the run that is resumed has False"),
            ("gpt", ["--model", "llama"], "model is llama, but the run that is resumed has gpt"),
            ("gpt", ["--tied"], "tied is given; allowed: only with --model llama")):
        assert train("--with", "numpy", "--resume", "--out", out, *words) == 2
        assert sentence in capsys.readouterr().err
    assert train("--with", "numpy", "--resume", *WORDS, "--no-tied", "--out", "llama") == 0


def test_a_llama_writes_the_same_text_on_both_sides(place, capsys):
    assert train("--with", "numpy", *WORDS, "--vocab-size", "30", "--tied") == 0
    texts = []
    for words in ["numpy"], ["torch"], ["numpy", "--uncached"]:
        capsys.readouterr()
        assert main(["sample", "--prompt", "to be", "--count", "40", "--with", *words]) == 0
        texts.append(capsys.readouterr().out)
    assert len(set(texts)) == 1 and texts[0].startswith("to be") and len(texts[0]) == 46


def test_what_takes_a_gpt_only_says_so(place, capsys):
    assert train("--with", "numpy", *WORDS, "--steps", "2") == 0
    for words, sentence in (
            (["export", "--to", "own.safetensors"], "out is run, a run of --model llama; allowed: of"),
            (["train", "--weights", "run/best.npz", "--out", "other", "--with", "numpy", "--model",
              "gpt"], "model is gpt, but run/best.npz is a llama; allowed: llama"),
            (["train", "--weights", "run/best.npz", "--out", "other", "--with", "numpy",
              "--n-hidden", "8"], "n_hidden is 8, but run/best.npz has "),
            (["train", "--weights", "run/best.npz", "--out", "other", "--with", "numpy",
              "--dropout", "0.1"], "dropout is given; allowed: only with --model gpt")):
        assert main(words) == 2
        assert sentence in capsys.readouterr().err
    assert not (place / "own.safetensors").exists() and not (place / "other").exists()


@pytest.mark.parametrize("side", ["numpy", "torch"])
def test_training_begins_with_a_llamas_checkpoint(side, place):
    assert train("--with", "numpy", *WORDS, "--steps", "2") == 0
    begun = checkpoint.load("run/best.npz")
    assert train("--with", side, "--weights", "run/best.npz", "--out", "other", "--steps", "1",
                 "--lr", "0", "--warmup", "0", "--block-size", "4", "--dtype", "float64") == 0
    after = checkpoint.load("other/checkpoint.npz")
    assert after.config == replace(begun.config, block_size=4)
    assert all(map(np.array_equal, tree.leaves(after.params), tree.leaves(begun.params)))
