"""export: a run by GPT-2's names, whole or not at all, which writes the same text as the run."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from compare.__main__ import main
from compare.files import checkpoint, gpt2, weight_files
from compare.text.bpe import train_bpe
from strategies import same
from gpt2_form import write_gpt2

HOUSE = Path(__file__).parents[3]
no_windows = pytest.mark.skipif(os.name == "nt", reason="Windows lacks such a limit, and links")
TEXT = "to be or not to be, that is the question.\n" * 40


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A folder with a run that has GPT-2's kind of tokenizer, and spare tokens."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "own.txt").write_text(TEXT)
    write_gpt2(folder, train_bpe(TEXT, 12))
    sizes = "--block-size 8 --n-layer 2 --n-head 2 --n-embd 8 --vocab-size 300 --warmup 0 --lr 0.1"
    places = "--text", folder / "own.txt", "--gpt2-files", folder, "--out", folder
    words = f"train --with numpy --threads 1 --steps 9 --tokenizer gpt2 {sizes}"
    assert main([*words.split(), *map(str, places)]) == 0
    return folder


def said(capsys, *words):
    capsys.readouterr()
    assert main([*map(str, words)]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("suffix", [".safetensors", ".npz", ".pt"])
def test_an_exported_run_writes_the_same_text(run, tmp_path, capsys, suffix):
    file = tmp_path / f"gpt2{suffix}"
    told = said(capsys, "export", "--out", run, "--to", file).splitlines()
    assert told == [
        f"{file} is written: 4,224 parameters by GPT-2's names, float32, after step 9",
        "it holds neither the number of heads, 2, nor the tokenizer, bpe",
        f"to write text: python -m compare sample --out {run}",
        "or, where the tokenizer has GPT-2's two files: python -m compare sample "
        f"--weights {file} --n-head 2 --gpt2-files FOLDER"]
    more = "--prompt", "to be", "--count", "40"
    text = said(capsys, "sample", "--out", run, *more)
    assert len(text) > 40 and text == said(
        capsys, "sample", "--weights", file, "--n-head", 2, "--gpt2-files", run, *more)
    saved = checkpoint.load(run / "checkpoint.npz")
    assert same(weight_files.read_weights(file), gpt2.to_gpt2(saved.config, saved.params))
    assert os.listdir(tmp_path) == [file.name]


def test_the_checkpoint_before_is_exported_where_a_kill_left_only_that(run, tmp_path, capsys):
    (tmp_path / "checkpoint.previous.npz").write_bytes((run / "checkpoint.npz").read_bytes())
    assert "after step 9" in said(capsys, "export", "--out", tmp_path, "--to", tmp_path / "a.npz")


def test_a_run_with_another_tokenizer_is_sampled_from_its_folder(tmp_path, capsys):
    (tmp_path / "own.txt").write_text(TEXT)
    sizes = "--block-size 4 --n-layer 1 --n-head 1 --n-embd 4 --warmup 0 --steps 1 --threads 1"
    train = f"train --with numpy {sizes} --text".split()
    said(capsys, *train, tmp_path / "own.txt", "--out", tmp_path)
    told = said(capsys, "export", "--out", tmp_path, "--to", tmp_path / "a.npz")
    assert told.endswith(f"to write text: python -m compare sample --out {tmp_path}\n")


@pytest.mark.parametrize("name, words", [
    ("taken.npz", "which is there already; allowed: a new name"),
    pytest.param("link.npz", "which is there already; allowed: a new name", marks=no_windows),
    ("a.txt", "which has the suffix '.txt'; allowed: .npz, .safetensors"),
    ("nowhere/a.npz", "which can't be written (No such file or directory); allowed: a new name in"),
])
def test_what_can_not_be_written_is_one_sentence(run, tmp_path, capsys, name, words):
    (tmp_path / "taken.npz").write_bytes(b"of value")
    if name == "link.npz":
        (tmp_path / name).symlink_to(tmp_path / "far.npz")
    before = sorted(os.listdir(tmp_path))
    assert main(["export", "--out", str(run), "--to", str(tmp_path / name)]) == 2
    out, err = capsys.readouterr()
    assert err.startswith(f"error: weights is {tmp_path / name}, {words}") and not out
    assert sorted(os.listdir(tmp_path)) == before
    assert (tmp_path / "taken.npz").read_bytes() == b"of value"


@no_windows
def test_a_full_disk_leaves_nothing(run, tmp_path):
    words = ("import resource, sys; from compare.__main__ import main\n"
             "resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))\n"
             "for kind in 'npz', 'safetensors':\n"
             "    main(['export', '--out', sys.argv[1], '--to', f'{sys.argv[2]}/a.{kind}'])")
    done = subprocess.run([sys.executable, "-c", words, run, tmp_path], capture_output=True,
                          text=True, cwd=HOUSE)
    assert [line.partition(", ")[2] for line in done.stderr.splitlines()] == 2 * [
        "which can't be written (File too large); allowed: a new name in a folder with room"]
    assert not os.listdir(tmp_path)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_full_disk_is_no_error_of_torchs_own():
    with pytest.raises(OSError, match="No space left"):  # when it closes
        with open("/dev/full", "wb") as file:
            with pytest.raises(OSError, match="torch could not write it"):
                weight_files.write_torch(file, {"a": np.zeros(9999)})


def test_without_torch_only_its_own_kind_is_refused(run, tmp_path):
    words = ("import sys; sys.modules['torch'] = None; from compare.__main__ import main\n"
             "for kind in 'pt', 'npz':\n"
             "    main(['export', '--out', sys.argv[1], '--to', f'{sys.argv[2]}/a.{kind}'])")
    done = subprocess.run([sys.executable, "-c", words, run, tmp_path], capture_output=True,
                          text=True, cwd=HOUSE)
    assert "needs torch, which is not installed; allowed: .npz, .safetensors" in done.stderr
    assert os.listdir(tmp_path) == ["a.npz"]
