"""The options of text and of samples, from the command line: documents, and what ends a sample."""

import hashlib
import io
import itertools
import signal
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference.generate
from compare.__main__ import main, parser
from compare.files import checkpoint
from compare.text import corpus
from compare.text.bpe import BPETokenizer
from compare.text.tokenizers import END
from compare.training import numpy_side, sample, settings
from compare.training.job import Job, digest
from compare.training.merging import Merging
from compare.progress import Progress
from compare.training.sample import before_stop
from gpt2_form import write_gpt2

TO_BE = BPETokenizer([(139, 144), (157, 154)], range(255, -1, -1))  # the ids of t o, b e
TEXT = "to be, or not to be, that is the question: whether 'tis nobler in the mind. " * 20
SMALL = ["--block-size", "8", "--n-layer", "1", "--n-head", "2", "--n-embd", "8",
         "--batch-size", "4", "--steps", "2", "--warmup", "1"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a text and a small tokenizer of GPT-2's form in it, and the current one."""
    (tmp_path / "own.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "gpt2").mkdir()
    write_gpt2(tmp_path / "gpt2", TO_BE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(*words, text=("--text", "own.txt")):
    return main(["train", "--with", "numpy", *text, *SMALL, *words])


def job(*words):
    """Return the Job of a training's options, without its training."""
    given = parser().parse_args(["train", "--with", "numpy", *SMALL, *words])
    return settings.fresh_job(given)


GPT2 = ["--tokenizer", "gpt2", "--gpt2-files", "gpt2"]


def test_the_end_token_in_a_text_is_one_token(place):
    (place / "ends.txt").write_text(f"to{END}be" * 200, encoding="utf-8")
    made = job("--text", "ends.txt", *GPT2)
    assert made.tokenizer.specials == {END: 258}
    assert np.concatenate([made.train_ids, made.valid_ids]).tolist() == [256, 258, 257] * 200
    assert job("--text", "ends.txt").tokenizer.vocab_size == len(set(f"to{END}be"))


def test_the_end_token_in_a_prompt_is_one_token(place, monkeypatch):
    def generate(tokens, *_, **__):
        seen.append(tokens.tolist())
        return iter(())

    seen = []
    assert train(*GPT2) == 0
    monkeypatch.setattr(reference.generate, "generate", generate)
    assert main(["sample", "--prompt", f"to{END}be"]) == 0 and seen == [[256, 258, 257]]


def test_a_sample_begins_where_a_document_does(place, monkeypatch, capsys):
    def generate(tokens, *_, **__):
        seen.append(tokens.tolist())
        return iter([256])

    seen = []
    assert train(*GPT2) == 0
    monkeypatch.setattr(reference.generate, "generate", generate)
    capsys.readouterr()
    assert main(["sample"]) == 0
    assert seen == [[258]] and capsys.readouterr().out == "to\n"  # after the end token, unseen


def test_a_second_text_adds_to_the_first(place):
    (place / "more.txt").write_text("MORE " * 50, encoding="utf-8")
    made = job("--text", "own.txt", "--text", "more.txt")
    ids = np.concatenate([made.train_ids, made.valid_ids])
    assert made.tokenizer.decode(ids) == f"{TEXT}\n{'MORE ' * 50}"
    made = job("--text", "own.txt", "--text", "more.txt", *GPT2)
    ids = np.concatenate([made.train_ids, made.valid_ids])
    assert made.tokenizer.decode(ids) == f"{TEXT}{END}{'MORE ' * 50}{END}"
    assert (ids == made.tokenizer.specials[END]).sum() == 2


@pytest.fixture
def corpora(place):
    """Texts of every form."""
    (place / "folder").mkdir()
    (place / "folder" / "one.txt").write_text(TEXT, encoding="utf-8")
    (place / "folder" / "two.jsonl").write_text('{"body": "to sleep"}\n' * 3, encoding="utf-8")
    (place / "valid.txt").write_text(TEXT[:200], encoding="utf-8")
    return ["--text", "folder", "--text", "own.txt", "--field", "body", "--valid-text", "valid.txt"]


def stopped(monkeypatch, *words, text):
    """Train two steps of the three that the run has."""
    with monkeypatch.context() as patch:
        asked = iter([0, signal.SIGINT])
        patch.setattr(numpy_side.NumpySide, "asked", lambda *_: next(asked))
        assert train(*words, "--steps", "3", text=text) == 130


def resume(*words):
    return main(["train", "--with", "numpy", "--resume", "--out", "run", *words])


@pytest.mark.parametrize("tokenizer", [["--tokenizer", "characters"], ["--tokenizer", "bpe"], GPT2])
def test_a_run_of_many_documents_goes_on_from_any_folder(corpora, place, monkeypatch, tokenizer):
    stopped(monkeypatch, *tokenizer, text=corpora)
    monkeypatch.chdir(place / "folder")
    assert main(["train", "--with", "numpy", "--resume", "--out", "../run"]) == 0
    kept = checkpoint.load(place / "run" / "checkpoint.npz").run
    assert kept["text"] == [str(place / "folder"), str(place / "own.txt")]
    assert (kept["valid_text"], kept["field"]) == (str(place / "valid.txt"), "body")


@pytest.mark.parametrize("change, words, sentence", [
    ("own.txt", [], "own.txt, which is not what the run began with; allowed: --text and --valid-text"),
    ("valid.txt", [], "which is not what the run began with"),
    ("folder/one.txt", [], "which is not what the run began with"),
    ("folder/three.txt", [], "which is not what the run began with"),
    (None, ["--text", "own.txt", "--text", "folder/two.jsonl"],
     "text is own.txt, folder/two.jsonl, which is not what the run began with"),
    (None, ["--text", "own.txt"], "field is body; allowed: only where a text is a file *.jsonl"),
    (None, ["--field", "text"], "field is text, but the run that is resumed has body"),
    (None, ["--valid-text", "gone"], "valid_text is gone, which can't be read"),
])
def test_a_run_of_other_documents_does_not_go_on(
        corpora, place, monkeypatch, capsys, change, words, sentence):
    stopped(monkeypatch, text=corpora)
    if change:
        (place / change).write_text("to be" * 50, encoding="utf-8")
    assert resume(*words) == 2
    assert sentence in capsys.readouterr().err
    (place / "valid.txt").unlink()
    assert resume() == 2
    assert "valid.txt, where the run had it, but which is no file now; allowed: --valid-text with the " \
        "same text" in capsys.readouterr().err


def test_a_text_of_standard_input_is_asked_for_again(place, monkeypatch, capsys):
    def give():
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(TEXT.encode())))

    give()
    stopped(monkeypatch, text=["--text", "-"])
    assert "to go on: python -m compare train --resume --with numpy --out run --text -\n" in \
        capsys.readouterr().out
    assert resume() == 2
    said = capsys.readouterr()
    assert said.err == ("error: text was standard input, which can't be read again; allowed: --text - "
                        "with the same text there\n")
    give()
    assert resume("--text", "-") == 0


def digest_of(train_ids, valid_ids):
    return digest(Job(None, None, 1, 0, "float32", None, np.array(train_ids, np.int64),
                      np.array(valid_ids, np.int64)))


@given(st.lists(st.integers(0, 9), min_size=3, max_size=30), st.data())
def test_the_digest_sees_every_id_and_the_border_between_the_parts(ids, data):
    border = data.draw(st.integers(0, len(ids)))
    seen = {digest_of(ids[:border], ids[border:])}
    for place, i in enumerate(ids):  # any id changed
        changed = [*ids[:place], (i + data.draw(st.integers(1, 9))) % 10, *ids[place + 1:]]
        seen.add(digest_of(changed[:border], changed[border:]))
    for other in {*range(len(ids) + 1)} - {border}:  # the border moved
        seen.add(digest_of(ids[:other], ids[other:]))
    assert len(seen) == 1 + 2 * len(ids)


def test_the_digest_of_a_text_alone_is_that_of_its_ids():
    ids = np.arange(50)
    parts = corpus.train_and_validation(ids, 4)
    assert digest_of(*parts) == hashlib.sha256(ids.astype("<i8").tobytes()).hexdigest()


@pytest.mark.parametrize("words, sentence", [
    (["--merges", "-1"], "merges is -1; allowed: only with --tokenizer bpe"),
    (["--merges", "20", "--tokenizer", "bytes"], "merges is 20; allowed: only with --tokenizer bpe"),
    (["--merges", "20", *GPT2], "merges is 20; allowed: only with --tokenizer bpe"),
    (["--gpt2-files", "gpt2"], "gpt2_files is gpt2; allowed: only with --tokenizer gpt2"),
    (["--gpt2-files", "gpt2", "--tokenizer", "bpe"],
     "gpt2_files is gpt2; allowed: only with --tokenizer gpt2"),
])
def test_options_of_another_tokenizer_are_refused(place, capsys, words, sentence):
    assert train(*words) == 2
    assert capsys.readouterr() == ("", f"error: {sentence}\n")


def test_merges_that_end_early_say_so(place, capsys):
    made = len(job("--text", "own.txt", "--tokenizer", "bpe").tokenizer.merges)
    line = f"bpe made {made} of 1000 merges: no pair is left to join\n"
    assert 0 < made < 1000 and capsys.readouterr().out.startswith(line)
    job("--text", "own.txt", "--tokenizer", "bpe", "--merges", str(made))
    assert "bpe made" not in capsys.readouterr().out


def told_of(terminal, seconds, made, merges=20):
    """Return what a Merging writes whose every merge takes so many seconds."""
    stream, clock = io.StringIO(), itertools.count(0, seconds / 2)  # two looks at it a merge, or fewer
    stream.isatty = lambda: terminal
    merging = Merging(merges, Progress(merges, stream=stream), clock.__next__)
    for done in range(1, made + 1):
        merging(done)
    merging.end(made)
    return stream.getvalue()


def test_merges_that_take_long_are_shown_until_the_last():
    assert told_of(True, 0.05, 20) == told_of(False, 0.05, 20) == ""
    terminal = told_of(True, 1.0, 20)
    assert terminal.startswith("\rbpe merge 4 of 20") and terminal.endswith("\rbpe merge 20 of 20\n")
    assert terminal.count("\n") == 1
    plain = told_of(False, 5.0, 20).splitlines()
    assert plain[0] == "bpe merge 1 of 20" and plain[-1] == "bpe merge 20 of 20"
    assert 4 < len(plain) < 12  # a line in ten seconds
    cut = told_of(True, 1.0, 15)
    assert cut.endswith("\r" + " " * 18 + "\rbpe made 15 of 20 merges: no pair is left to join\n")


# what ends a sample

@given(st.lists(st.text("ab", max_size=4), max_size=12), st.text("ab", min_size=1, max_size=5))
def test_a_sample_ends_before_the_first_stop_and_nothing_of_it_is_written(pieces, stop):
    asked, written, text = 0, "", "".join(pieces)

    def arriving():
        nonlocal asked
        for asked, piece in enumerate(pieces, 1):
            yield piece

    for piece in before_stop(arriving(), stop):
        written += piece
        so_far = "".join(pieces[:asked])
        # no more than what can't belong to a stop, whatever comes; no less, but at the end
        safe = next(n for n in range(len(so_far) + 1) if stop.startswith(so_far[n:n + len(stop)]))
        assert written == so_far[:safe] or asked == len(pieces) and written == text
    assert written == text.partition(stop)[0]
    if stop in text:  # and asks for no token more than it needs
        assert stop not in "".join(pieces[:asked - 1])


def sampled(capsys, *words):
    capsys.readouterr()
    assert main(["sample", "--prompt", "to be", *words]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("side", ["numpy", "torch"])
def test_stop_cuts_every_sample_that_would_have_gone_on(place, capsys, side):
    assert train() == 0
    words = ["--with", side, "--count", "40", "--samples", "3"]
    whole = sampled(capsys, *words).split("--- sample ")[1:]
    first = whole[0].removeprefix("1\nto be")
    stop = first[9:11]
    stopped = sampled(capsys, *words, "--stop", stop).split("--- sample ")[1:]
    assert stopped[0] == f"1\nto be{first.partition(stop)[0]}\n" and len(stopped) == 3
    assert all(stop not in text.partition("to be")[2] for text in stopped)


@pytest.mark.parametrize("ids, text, made", [
    ([256, 257, 258, 256], "tobe", 3), ([258], "", 1), ([256] * 4, "to" * 4, 4)])
def test_the_end_token_ends_a_sample_unseen_and_counts_as_made(
        place, capsys, monkeypatch, ids, text, made):
    assert train(*GPT2) == 0
    clock = SimpleNamespace(perf_counter=iter([0.0, 1.0]).__next__)
    monkeypatch.setattr(reference.generate, "generate", lambda *_, **__: iter(ids))
    monkeypatch.setattr(sample, "time", clock)
    capsys.readouterr()
    assert main(["sample", "--prompt", "a", "--time"]) == 0
    out, err = capsys.readouterr()
    assert out == f"a{text}\n" and err.endswith(f"\n--- {made} tokens/s\n")


@pytest.mark.parametrize("words, sentence", [
    (["--stop", ""], "stop is empty; allowed: at least one character"),
    (["--n-head", "2"], "n_head is 2; allowed: only with --weights"),
    (["--gpt2-files", "gpt2"], "gpt2_files is gpt2; allowed: only with --weights"),
    (["--out", "run", "--weights", "w.npz"], "out is run; allowed: only without --weights and --model"),
])
def test_options_of_a_sample_that_nothing_comes_of_are_refused(place, capsys, words, sentence):
    assert main(["sample", *words]) == 2
    assert capsys.readouterr().err == f"error: {sentence}\n"
