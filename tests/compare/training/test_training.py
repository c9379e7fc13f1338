"""Training from the command line: stop, resume, change the side, and what a user gets wrong."""

import errno
import json
import os
import shlex
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch._inductor import exc

import reference.generate
from compare.files import checkpoint, gpt2
from compare.text import gpt2_files
from compare.training import curve, log, numpy_side, settings, torch_side
from compare.training.interrupt import Interrupt
from compare.__main__ import main, parser
from compare.layers.source import HOUSE
from reference import gpt
from reference.fast import blas
from reference.tools import tree
from runs import SMALL, TEXT, entries, train

def losses(folder):
    return [(entry.step, entry.loss) for entry in entries(folder)]


@pytest.mark.parametrize("side", ["numpy", "torch"])
@pytest.mark.parametrize("dropout", ["0.0", "0.2"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_resumed_run_has_the_losses_of_an_unbroken_one_bit_for_bit(
        place, side, dropout, dtype):
    words = ["--with", side, "--dropout", dropout, "--dtype", dtype]
    assert train(*words, *SMALL, "--out", "whole") == 0
    assert train(*words, *SMALL, "--out", "broken", stop=7) == 130
    assert train("--with", side, "--resume", "--out", "broken") == 0
    assert losses("broken") == losses("whole") and len(losses("whole")) == 20
    whole, broken = (checkpoint.load(f"{name}/checkpoint.npz") for name in ("whole", "broken"))
    assert all(np.array_equal(a, b) for a, b in zip(tree.leaves(whole.params),
                                                    tree.leaves(broken.params)))


@pytest.mark.parametrize("seed", [2**22, 2**64, 10**40])
@pytest.mark.parametrize("side", ["numpy", "torch"])
def test_any_seed_from_0_up_trains(place, side, seed):
    assert train("--with", side, *SMALL, "--steps", "2", "--seed", str(seed)) == 0
    assert checkpoint.load("run/checkpoint.npz").run["seed"] == seed


@pytest.mark.parametrize("seed", [0, 1, 2**22, 10**40])
def test_every_step_draws_masks_of_its_own(seed):
    places = [(0, 0), (0, 1), (1, 0), (2**22 - 1, 0), (2**22 - 1, 2**10 - 1)]
    seeds = [torch_side.mask_seed(seed, *place) for place in places]
    assert all(0 <= s < 2**64 for s in seeds)
    assert len({s % 2**32 for s in seeds}) == len(places)  # torch's generator on a CPU takes these
    assert torch_side.mask_seed(seed + 1, 0, 0) not in seeds


@pytest.mark.parametrize("first, second", [("numpy", "torch"), ("torch", "numpy")])
def test_a_run_goes_on_with_the_other_implementation(place, monkeypatch, first, second):
    words = ["--dtype", "float64", *SMALL]
    assert train("--with", first, *words, "--out", "whole") == 0
    assert train("--with", first, *words, "--out", "both", stop=9) == 130
    assert train("--with", second, "--resume", "--out", "both") == 0
    np.testing.assert_allclose(losses("both"), losses("whole"), rtol=1e-12)


def test_both_write_the_same_text_from_one_checkpoint(place, capsys):
    assert train("--with", "numpy", *SMALL, "--out", "run") == 0
    texts = []
    for words in (["numpy"], ["torch"], ["numpy", "--uncached"], ["torch", "--uncached"]):
        capsys.readouterr()
        assert main(["sample", "--out", "run", "--prompt", "to be", "--count", "60",
                     "--top-k", "8", "--top-p", "0.95", "--with", *words]) == 0
        texts.append(capsys.readouterr().out)
    assert len(set(texts)) == 1 and texts[0].startswith("to be") and len(texts[0]) == 66


@pytest.mark.skipif(blas.find() is None, reason="NumPy has another BLAS than OpenBLAS")
def test_numpy_samples_with_one_thread(place, monkeypatch):
    def generate(*_, **__):
        seen.append(count())
        yield 0

    seen, (count, _) = [], blas.find()
    assert train("--with", "numpy", *SMALL) == 0
    monkeypatch.setattr(reference.generate, "generate", generate)
    with blas.threads(2):
        assert main(["sample", "--prompt", "to"]) == 0 and seen == [1] and count() == 2


@pytest.mark.parametrize("tokenizer", ["bytes", "bpe"])
def test_other_tokenizers_and_spare_rows_of_the_table(place, capsys, tokenizer):
    words = ["--merges", "20"] if tokenizer == "bpe" else []
    assert train("--with", "numpy", *SMALL, "--tokenizer", tokenizer, *words,
                 "--vocab-size", "300", "--out", "run") == 0
    assert main(["sample", "--out", "run", "--count", "30"]) == 0
    saved = checkpoint.load("run/checkpoint.npz")
    assert saved.config.vocab_size == 300 and saved.tokenizer["kind"] == tokenizer


@pytest.mark.parametrize("side", ["numpy", "torch"])
@pytest.mark.parametrize("step", [5, 20])
def test_what_is_stopped_is_saved_without_a_validation(place, monkeypatch, capsys, side, step):
    measured = []
    for each in numpy_side.NumpySide, torch_side.TorchSide:
        monkeypatch.setattr(each, "evaluate", lambda *_: measured.append(1) or 3.0)
    assert train("--with", side, *SMALL, stop=step) == 130 and len(measured) == (step - 1) // 2
    assert f"stopped after step {step}" in capsys.readouterr().out
    assert checkpoint.load("run/checkpoint.npz").state.step == step
    assert entries("run")[-1].valid is None
    assert train("--with", side, "--resume") == 0 and len(measured) == 10
    assert [entry.step for entry in entries("run") if entry.valid] == list(range(2, 21, 2))


def test_a_validation_that_is_broken_off_loses_no_step(place, monkeypatch):
    def broken_off(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(numpy_side.NumpySide, "evaluate", broken_off)
    assert train("--with", "numpy", *SMALL) == 130
    assert checkpoint.load("run/checkpoint.npz").state.step == 2 and len(losses("run")) == 2


def test_the_hints_can_be_copied_whatever_the_name_of_the_folder(place, monkeypatch, capsys):
    def hinted():
        words = capsys.readouterr().out.splitlines()[-1].partition(": ")[2]
        return shlex.split(words.removeprefix("python -m compare "))

    assert train("--with", "numpy", *SMALL, "--out", "my run", stop=5) == 130
    assert main(hinted()) == 0
    assert main([*hinted(), "--count", "5"]) == 0


def test_a_second_ctrl_c_stops_at_once_but_no_write(capfd, request):
    def press():
        signal.raise_signal(signal.SIGINT)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's job may ignore it
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))

    with Interrupt(True) as interrupt:
        with interrupt.waiting():
            press()
            press()
        assert interrupt.asked
        assert capfd.readouterr().err.count("stopping after this step; a second Ctrl-C") == 1
        with pytest.raises(KeyboardInterrupt):
            press()
    with pytest.raises(KeyboardInterrupt):
        press()


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None  # importing it would now fail
from compare.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def test_numpy_needs_no_torch(place):
    commands = [" ".join(["train --with numpy --text own.txt", *SMALL]), "sample --count 5",
                "plan --preset micro", "check --derivations", "show gelu", "exercise gelu"]
    script = WITHOUT_TORCH.replace("main(sys.argv[1:])",
                                   "max(main(words.split()) for words in sys.argv[1:])")
    done = subprocess.run([sys.executable, "-c", script, *commands], text=True,
                          capture_output=True, env=os.environ | {"PYTHONPATH": str(HOUSE)})
    assert done.returncode == 0, done.stderr


def test_what_needs_torch_says_so(place):
    assert train("--with", "numpy", *SMALL) == 0
    commands = ["", "check", "train", "train --with torch", "steps",
                "precision", "book", "sample --with torch"]
    script = WITHOUT_TORCH.replace("main(sys.argv[1:])",
                                   "{main(words.split()) for words in sys.argv[1:]} != {2}")
    done = subprocess.run([sys.executable, "-c", script, *commands], text=True, capture_output=True,
                          env=os.environ | {"PYTHONPATH": str(HOUSE)})
    errors = "".join(line for line in done.stderr.splitlines(True) if line.startswith("error"))
    assert done.returncode == 0 and errors == len(commands) * (
        "error: torch is not installed; allowed: --with numpy, show, plan, or "
        "python -m pip install -r requirements.txt\n")


@pytest.mark.parametrize("out, sentence", [
    ("file", "out is file, which can't be written (File exists); allowed: a folder with room"),
    ("file/run", "out is file/run, which can't be written (Not a directory); allowed:"),
    ("x" * 300, "which can't be written (File name too long)"),
    ("run", "out is run, where checkpoint.npz is a folder; allowed: a folder where it is a file"),
    ("taken", "out is taken, where loss.svg is a folder; allowed: a folder where it is a file"),
])
def test_a_folder_that_cannot_be_written_is_refused_before_the_first_step(
        place, capsys, out, sentence):
    (place / "file").write_text("in the way")
    (place / "taken" / "loss.svg").mkdir(parents=True)
    (place / "run" / "checkpoint.npz").mkdir(parents=True)
    assert train("--with", "numpy", *SMALL, "--out", out) == 2
    said = capsys.readouterr()
    assert sentence in said.err and "step" not in said.out
    assert (place / "file").read_text() == "in the way"


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("part, lost, kept", [
    ((checkpoint, "save"), "checkpoint.npz", "run/best.npz, log.csv and loss.svg are written"),
    ((checkpoint, "save_alone"), "best.npz", "run/checkpoint.npz, log.csv and loss.svg are written"),
    ((log, "write_log"), "log.csv", "run/checkpoint.npz, best.npz and loss.svg are written"),
    ((curve, "write_svg"), "loss.svg", "run/checkpoint.npz, best.npz and log.csv are written"),
])
def test_what_could_not_be_saved_is_said_at_the_end_and_is_no_success(
        place, monkeypatch, capsys, part, lost, kept):
    with monkeypatch.context() as patch:
        patch.setattr(*part, full_disk)
        assert train("--with", "numpy", *SMALL) == 1
    out = capsys.readouterr().out
    reason = "(No space left on device)"
    assert f"run/{lost} is not saved {reason}; training goes on" in out and "step 20 of 20" in out
    assert f"{kept}\nrun/{lost} is not saved as the run stands now {reason}\n" in out
    assert out.count("is not saved as") == 1
    assert ("to write text" in out) == (lost != "checkpoint.npz")


@pytest.mark.parametrize("words, sentence", [
    (["--with", "both", "--vocab-size", "300"], "vocab_size is 300; allowed with both: the token"),
    (["--with", "both", "--resume"], "resume is given; allowed: only --with numpy or --with torch"),
    (["--with", "both", "--out", "run"], "out is given; allowed: only --with numpy or --with torch"),
    (["--with", "both", "--threads", "2"], "threads is given; allowed: only --with numpy or --with"),
    (["--preset", "huge"], "preset is huge; allowed: micro, laptop, baby, gpt2"),
    (["--vocab-size", "3"], "vocab_size is 3; allowed: at least the tokenizer's"),
    (["--batch-size", "0"], "batch_size is 0; allowed: an integer from 1 to 1048576"),
    (["--threads", "5000"], "threads is 5000; allowed: an integer from 1 to 4096"),
    (["--device", "cuda"], "device is given; allowed: only --with torch"),
    (["--tokenizer", "bpe", "--merges", "-1"], "merges is -1; allowed: a whole number"),
    (["--tokenizer", "gpt2", "--gpt2-files", "nowhere"], "can't be read"),
    (["--resume"], "checkpoint is run/checkpoint.npz, which is not a file"),
    (["--n-layer", "451"], "n_layer is 451; allowed: up to 450, which a checkpoint can hold"),
    (["--n-embd", "7"], "n_embd is 7; allowed: a multiple of n_head"),
])
def test_what_cannot_be_trained_is_refused(place, capsys, words, sentence):
    assert train("--with", "numpy", *words) == 2
    assert sentence in capsys.readouterr().err
    assert not (place / "run").exists()


@pytest.mark.filterwarnings("error")
def test_what_overflows_ends_in_a_sentence(place, capsys):
    assert train("--with", "numpy", *SMALL, "--weight-decay", "1e300") == 2
    assert "in layer_norm is nan); allowed: a lower --lr, now 0.004" in capsys.readouterr().err


def test_a_checkpoint_is_never_overwritten_by_another_run(place, capsys):
    assert train("--with", "numpy", *SMALL) == 0
    before = (place / "run" / "checkpoint.npz").read_bytes()
    for words, sentence in (
            (SMALL, "out is run, which holds a checkpoint; allowed: --resume"),
            (["--resume"], "whose run is at its end, step 20")):
        assert train("--with", "numpy", *words) == 2
        assert sentence in capsys.readouterr().err
    assert (place / "run" / "checkpoint.npz").read_bytes() == before


def test_a_resumed_run_keeps_its_settings_and_its_text(place, monkeypatch, capsys):
    assert train("--with", "numpy", *SMALL, stop=5) == 130
    for words, sentence in ((["--lr", "0.5"], "lr is 0.5, but the run that is resumed has 0.004"),
                            (["--dtype", "float64"], "dtype is float64, but")):
        assert train("--with", "numpy", "--resume", *words) == 2
        assert sentence in capsys.readouterr().err
    (place / "own.txt").write_text(TEXT.replace("not", "ton"), encoding="utf-8")
    assert train("--with", "numpy", "--resume") == 2
    assert "which is not what the run began with" in capsys.readouterr().err
    (place / "own.txt").rename("moved.txt")
    assert main(["train", "--with", "numpy", "--resume"]) == 2
    assert "is no file now; allowed: --text with the same text" in capsys.readouterr().err
    (place / "moved.txt").write_text(TEXT, encoding="utf-8")
    assert main(["train", "--with", "numpy", "--resume", "--text", "moved.txt"]) == 0


@pytest.mark.parametrize("kind, words, sentence", [
    ("characters", ["--preset", "huge"], "preset is huge; allowed: micro, laptop, baby, gpt2"),
    ("characters", ["--preset", "micro"], "preset is micro, whose steps is 300, but the run that is"),
    ("characters", ["--tokenizer", "bpe"], "tokenizer is bpe, but the run that is resumed has char"),
    ("characters", ["--merges", "20"], "merges is 20, but the run that is resumed has a tokenizer"),
    ("characters", ["--gpt2-files", "."], "gpt2_files is ., but the run that is resumed has a tok"),
    ("characters", ["--vocab-size", "22"], "vocab_size is 22, but the run that is resumed has 21"),
    ("bpe", ["--merges", "19"], "merges is 19, but the run that is resumed has a tokenizer of bpe "
     "with 20 merges"),
    ("bpe", ["--tokenizer", "gpt2"], "tokenizer is gpt2, but the run that is resumed has bpe"),
])
def test_a_resumed_run_ignores_no_option(place, monkeypatch, capsys, kind, words, sentence):
    own = [*SMALL, "--tokenizer", kind] + ["--merges", "20"] * (kind == "bpe")
    assert train("--with", "numpy", *own, stop=5) == 130
    assert train("--with", "numpy", "--resume", *words) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("words", [
    ["--tokenizer", "characters", *SMALL, "--vocab-size", "0"],
    ["--preset", "micro", *SMALL, "--lr", "4e-3", "--min-lr", "4e-4"],
    ["--tokenizer", "bpe", "--merges", "60000", *SMALL]])  # far more than come twice
def test_a_resumed_run_takes_the_options_it_began_with(place, monkeypatch, words):
    assert train("--with", "numpy", *words, stop=5) == 130
    assert train("--with", "numpy", *words, "--resume") == 0


@pytest.mark.parametrize("path, shown", [
    ("/dev/zero", "/dev/zero"), ("nowhere.txt", "nowhere.txt"),
    ("a\x1b[2Jb\nc", r"'a\x1b[2Jb\nc'"), ("a\0b", r"'a\x00b'"), ("\udcff", r"'\udcff'")])
def test_a_checkpoint_cannot_have_anything_but_a_file_read_as_its_text(
        place, monkeypatch, capsys, path, shown):
    assert train("--with", "numpy", *SMALL, stop=5) == 130
    kept = checkpoint.load("run/checkpoint.npz")
    checkpoint.save("run/checkpoint.npz", kept._replace(run=kept.run | {"text": path}))
    assert main(["train", "--with", "numpy", "--resume"]) == 2
    assert capsys.readouterr().err == (
        f"error: text is {shown}, where the run had it, but which is no file now; "
        "allowed: --text with the same text\n")


@pytest.mark.parametrize("words, sentence", [
    (["--prompt", ""], "prompt is empty; allowed: at least one character"),
    (["--prompt", "2b"], "text holds the character '2'; allowed: the"),
    (["--temperature", "-1"], "temperature is -1.0; allowed: a finite number above 0, or 0"),
    (["--temperature", "nan"], "temperature is nan; allowed: a finite number above 0, or 0"),
    (["--top-p", "1.5"], "top_p is 1.5; allowed: above 0 and at most 1"),
    (["--out", "nowhere"], "which is not a file"),
    (["--weights", "own.txt"], "own.txt"),
    (["--seed", "-1"], "seed is -1; allowed: an integer from 0 up"),
])
def test_what_cannot_be_sampled_is_refused(place, capsys, words, sentence):
    assert train("--with", "numpy", *SMALL) == 0
    capsys.readouterr()
    assert main(["sample", "--prompt", "to", *words]) == 2
    out, err = capsys.readouterr()
    assert sentence in err and not out


def test_gpt2s_weights_and_tokens_speak_on_both_sides(place, capsys):
    names = [name for name, _ in sorted(gpt2_files.printable_bytes().items(), key=lambda n: n[1])]
    ids = {name: i for i, name in enumerate([*names, "<|endoftext|>"])}
    (place / "encoder.json").write_text(json.dumps(ids), encoding="utf-8")
    (place / "vocab.bpe").write_text("#version: 0.2\n", encoding="utf-8")
    for V in 257, 256:
        config = gpt.Config(V, 8, 1, 2, 8)
        np.savez(f"{V}.npz", **gpt2.to_gpt2(config, gpt.init(config, np.random.default_rng(0))))
    texts = []
    for side in "numpy", "torch":
        assert main(["sample", "--weights", "257.npz", "--n-head", "2", "--prompt", "to be",
                     "--count", "20", "--time", "--with", side]) == 0
        texts.append(capsys.readouterr())
    assert texts[0].out == texts[1].out and "tokens/s" in texts[0].err
    assert main(["sample", "--weights", "256.npz", "--n-head", "2"]) == 2
    assert "a model of 256 tokens; allowed: at least the 257 of ." in capsys.readouterr().err


def test_a_model_too_large_for_the_memory_is_refused(place, capsys):
    assert train("--with", "numpy", "--n-embd", "400000000", "--n-head", "4") == 2
    assert "there is too little memory" in capsys.readouterr().err


def test_the_log_the_curve_and_the_plot_show_the_run(place, capsys):
    assert train("--with", "numpy", *SMALL) == 0
    found = entries("run")
    assert [entry.step for entry in found] == list(range(1, 21))
    assert sum(entry.valid is not None for entry in found) == 10
    picture = (place / "run" / "loss.svg").read_text(encoding="utf-8")
    assert picture.startswith("<svg") and picture.count("<polyline") == 2
    out = capsys.readouterr().out
    assert ". training   o validation" in out and "tokens/s" in out


@pytest.mark.parametrize("writer", [log.write_log, curve.write_svg])
def test_a_write_that_fails_leaves_what_was_written(tmp_path, monkeypatch, writer):
    path, entry = tmp_path / "file", log.Entry(1, 0.5, None, 0.1, 0.25)
    writer(path, [entry])
    before = path.read_bytes()
    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(OSError):
        writer(path, [entry, entry._replace(step=2)])
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("temperature", ["0", "1e-300"])
def test_a_temperature_of_0_always_writes_the_likeliest(place, capsys, temperature):
    assert train("--with", "numpy", *SMALL) == 0
    capsys.readouterr()
    texts = set()
    for words in [], ["--seed", "5"], ["--top-k", "3", "--top-p", "0.9"], ["--with", "torch"]:
        assert main(["sample", "--count", "9", "--prompt", "to", "--temperature", temperature, *words]) == 0
        texts.add(capsys.readouterr().out)
    assert main(["sample", "--count", "9", "--prompt", "to", "--top-k", "1"]) == 0
    assert texts == {capsys.readouterr().out}


@pytest.mark.parametrize("words, warmup, min_lr", [
    ([], 50, 4e-4), (["--steps", "20"], 20, 4e-4), (["--lr", "1e-5"], 50, 1e-5), (["--lr", "0"], 50, 0),
    (["--preset", "micro", "--steps", "9", "--lr", "1e-2"], 9, 1e-3),
    (["--steps", "20", "--warmup", "20", "--lr", "1", "--min-lr", "1"], 20, 1)])
def test_defaults_are_cut_to_what_the_options_leave(words, warmup, min_lr):
    values = settings.values_of(parser().parse_args(["train", *words]))
    schedule = settings.schedule_of(values)
    assert (schedule.warmup, schedule.min_lr) == (warmup, min_lr)


def test_a_run_whose_defaults_were_cut_goes_on_with_its_options(place):
    words = "--with", "numpy", "--preset", "micro", "--steps", "9", "--lr", "1e-4"
    assert train(*words, stop=5) == 130
    assert train(*words, "--resume") == 0


def test_a_model_that_cannot_be_compiled_is_refused(place, monkeypatch, capsys):
    class NoCompiler(torch.nn.Module):
        def forward(self, *_):
            raise exc.InductorError(exc.InvalidCxxCompiler(), None)

    monkeypatch.setattr(torch, "compile", lambda model: NoCompiler())
    assert train("--with", "torch", "--compile", *SMALL) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: compile is given, but torch can't compile here (InvalidCxxCompiler")
    assert error.count("\n") == 1


def test_autocast_of_what_it_leaves_alone_is_refused(place, capsys):
    assert train("--with", "torch", "--autocast", "--dtype", "float64", *SMALL) == 2
    assert "autocast is given with float64, which it leaves alone" in capsys.readouterr().err


@pytest.mark.parametrize("side", ["numpy", "both"])
def test_several_processes_train_with_torch_alone(place, monkeypatch, capsys, side):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert train("--with", side, *SMALL) == 2
    assert f"with is {side}; allowed under torchrun: --with torch" in capsys.readouterr().err


@pytest.mark.parametrize("words, sentence", [
    (["--lr", "1e-5", "--min-lr", "1e-4"], "min_lr is 0.0001; allowed: at most lr = 1e-05"),
    (["--steps", "20", "--warmup", "21"], "warmup is 21; allowed: at most steps = 20"),
    (["--lr", "-1"], "lr is -1.0; allowed: from 0"), (["--steps", "0"], "steps is 0; allowed: from 1"),
    (["--batch-size", "0"], "batch_size is 0; allowed: an integer from 1")])
def test_a_plan_refuses_what_training_would(capsys, words, sentence):
    assert main(["plan", *words]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("preset", ["micro", "laptop", "baby", "gpt2"])
def test_every_preset_can_be_planned_and_built(preset, capsys):
    assert main(["plan", "--preset", preset]) == 0 if preset == "micro" else True
    values = settings.values_of(parser().parse_args(["plan", "--preset", preset]))
    config = settings.config_of(values, 65)
    assert config.n_embd % config.n_head == 0 and settings.schedule_of(values).steps > 0
