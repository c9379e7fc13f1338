"""The options of text and of sampling, from the command line: specials, documents, what ends a sample."""

import numpy as np
import pytest

import reference.generate
from compare.__main__ import main, parser
from compare.text.bpe import BPETokenizer
from compare.text.tokenizers import END
from compare.training import settings
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
