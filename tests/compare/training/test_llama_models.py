"""Llamas of others, sampled: from a GGUF file and from a folder, with either side."""

from dataclasses import replace

import numpy as np
import pytest

import reference.generate
from compare.__main__ import main
from compare.training import trained
from llama_form import gguf_llama, hugging_face_folder
from published_form import small
from reference.fast.packed import Packed
from reference.llama import Config, forward
from reference.tools import tree

TOKENIZER = small()
SMALL = Config(TOKENIZER.vocab_size + 3, 16, n_layer=2, n_head=4, n_kv_head=2, n_embd=32,
               n_hidden=64, tied=True)
FEW = ["--count", "12", "--temperature", "0"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a small llama in both forms."""
    gguf_llama(SMALL, tmp_path / "small.gguf", TOKENIZER)
    hugging_face_folder(SMALL, tmp_path / "small", TOKENIZER)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def greedy(path, prompt, count=12):
    """The likeliest tokens after a prompt, each from the whole text, until the end token."""
    config, params, tokenizer = trained.of_llama(path)
    ids = tokenizer.encode(prompt, specials=True).tolist()
    for _ in range(count):
        logits = forward(np.array([ids[-SMALL.block_size:]]), params, config=config)[0][0, -1]
        ids.append(int(logits[:tokenizer.vocab_size].argmax()))
        if ids[-1] == tokenizer.specials["<|im_end|>"]:
            return tokenizer.decode(ids[:-1])
    return tokenizer.decode(ids)


@pytest.mark.parametrize("path", ["small.gguf", "small"])
def test_a_llama_of_others_writes_the_likeliest_tokens_with_either_side(path, place, capsys):
    for side in "numpy", "torch":
        assert main(["sample", "--model", path, "--prompt", "the ab", *FEW[:1], "8", *FEW[2:],
                     "--with", side]) == 0
        assert capsys.readouterr().out == greedy(path, "the ab", 8) + "\n"


def test_weights_that_stay_packed_write_the_same_tokens(place, capsys):
    words = ["sample", "--model", "small.gguf", "--prompt", "the ab", *FEW]
    assert main(words) == main([*words, "--keep-bits"]) == 0
    text = capsys.readouterr().out
    assert text[:len(text) // 2] == text[len(text) // 2:] != ""
    config, params, _ = trained.without_spare_tokens(trained.of_llama("small.gguf", True))
    assert config.vocab_size == TOKENIZER.vocab_size
    kept = [leaf for leaf in tree.leaves(params) if isinstance(leaf, Packed)]
    assert len(kept) == 1 + 7 * SMALL.n_layer and kept[0].shape == (TOKENIZER.vocab_size, 32)


@pytest.mark.parametrize("side", ["numpy", "torch"])
def test_keys_and_values_take_no_more_memory_than_the_text_needs(side, place, capsys):
    gguf_llama(replace(SMALL, block_size=2**31), place / "long.gguf", TOKENIZER)
    for path in "long.gguf", "small.gguf":  # whose window of 16 is long enough for these
        assert main(["sample", "--model", path, "--prompt", "the ab", "--with", side, *FEW]) == 0
    text = capsys.readouterr().out
    assert text[:len(text) // 2] == text[len(text) // 2:]


def test_a_chat_is_a_prompt_in_its_template_and_the_answer_alone_is_written(
        place, monkeypatch, capsys):
    chats = small(specials=["<|im_start|>", "<|im_end|>", "<|endoftext|>"])
    gguf_llama(SMALL, place / "chat.gguf", chats)
    prompts, answer = [], [*chats.encode("the cab 1"), chats.specials["<|im_end|>"], 5, 6]
    monkeypatch.setattr(reference.generate, "generate",
                        lambda tokens, *_, **__: prompts.append(tokens) or iter(answer))
    assert main(["sample", "--model", "chat.gguf", "--chat", "ab 1"]) == 0
    assert capsys.readouterr().out == "the cab 1\n"  # and stops at the end of its turn
    spelled = "<|im_start|>user\nab 1<|im_end|>\n<|im_start|>assistant\n"
    assert chats.decode(prompts[0]) == spelled
    assert {*chats.specials.values()} - {chats.specials["<|endoftext|>"]} <= {*prompts[0]}


@pytest.mark.parametrize("words, sentence", [
    (["--model", "small.gguf", "--chat", "ab"], "chat is 'ab'; allowed: with a model whose tokenizer h"),
    (["--model", "small.gguf", "--chat", "a", "--prompt", "a"], "chat is 'a'; allowed: only without"),
    (["--model", "small.gguf", "--weights", "w.npz"], "weights is w.npz; allowed: only without --model"),
    (["--model", "small.gguf", "--out", "run"], "out is run; allowed: only without --weights and --mod"),
    (["--model", "small.gguf", "--n-head", "2"], "n_head is 2; allowed: only with --weights"),
    (["--keep-bits"], "keep_bits is given; allowed: only with --model FILE.gguf"),
    (["--model", "small", "--keep-bits"], "keep_bits is given; allowed: only with --model FILE.gg"),
    (["--model", "small.gguf", "--keep-bits", "--with", "torch"], "allowed: only with --with numpy"),
    (["--model", "small.gguf", "--keep-bits", "--uncached"], "allowed: only without --uncached"),
    (["--model", "none.gguf"], "weights is none.gguf, which is not a file; allowed"),
    (["--model", "empty"], "model is empty/config.json, which "),
    (["--model", "cut"], "weights is cut/model.safetensors, which is not a file; allowed"),
])
def test_what_is_no_llama_is_refused_in_one_sentence(words, sentence, place, capsys):
    (place / "empty").mkdir()
    (place / "cut").mkdir()
    (place / "cut" / "config.json").write_bytes((place / "small" / "config.json").read_bytes())
    assert main(["sample", *words]) == 2
    error = capsys.readouterr().err.replace("\\", "/")
    assert sentence in error and "; allowed: " in error and error.count("\n") == 1


def test_a_model_of_fewer_tokens_than_its_tokenizer_is_refused(place, capsys):
    gguf_llama(replace(SMALL, vocab_size=9), place / "few.gguf", TOKENIZER)
    assert main(["sample", "--model", "few.gguf"]) == 2
    assert f"few.gguf, of 9 tokens; allowed: at least the {TOKENIZER.vocab_size}" in (
        capsys.readouterr().err)
