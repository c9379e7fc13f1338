"""Tokenizers that others published: the ids are theirs, and what isn't known here is refused."""

import json
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.text import bpe, kinds, published
from published_form import LACKING, json_form, metadata_form, small

PIECES = [" the", "the", " in", "abcab", "12", " 12", "1 2", "  ", "\n", "Q", "hQe", "aQb", "\x04",
          "\u00bd", "\u0662\u0661", "\u2167", "\U000415a3", "\u00e9", "it's", "<|im_end|>",
          "<|im_end|>>", "<|"]
texts = st.lists(st.sampled_from(PIECES)).map("".join) | st.text()


def written(folder, told):
    path = folder / "tokenizer.json"
    path.write_text(told if isinstance(told, str) else json.dumps(told), encoding="utf-8")
    return path


@pytest.fixture(scope="module", params=["gpt2", "smollm"])
def forms(request, tmp_path_factory):
    """The object of a tokenizer.json, and the tokenizers read from it and from metadata."""
    told = json_form(small(request.param))
    path = written(tmp_path_factory.mktemp("json"), told)
    return told, [published.load_json(path, "<|im_end|>"),
                  published.of_metadata(metadata_form(small(request.param)))]


def ids_by_hand(text, told):
    """The ids of a text without specials, by the words and pairs that a tokenizer.json spells."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]  # bytes that name themselves
    hidden = [byte for byte in range(256) if byte not in shown]    # the others: from 256 on
    name = ({byte: chr(byte) for byte in shown}
            | {byte: chr(256 + n) for n, byte in enumerate(hidden)})
    model, cut = told["model"], [""]
    for character in text:
        number = unicodedata.category(character)[0] == "N"
        alone = number and "pretokenizers" in told["pre_tokenizer"]
        cut += [character, ""] if alone else [cut.pop() + character]
    found = []
    for word in (word for piece in cut for word in bpe.words_of(piece)):
        parts = [name[byte] for byte in word.encode() if name[byte] in model["vocab"]]
        for merge in model["merges"]:
            left, right = merge.split(" ")
            i = 0
            while i < len(parts) - 1:
                if parts[i:i + 2] == [left, right]:
                    parts[i:i + 2] = [left + right]
                i += 1
        found += [model["vocab"][part] for part in parts]
    return found


@given(texts)
def test_ids_are_those_that_the_file_spells(forms, text):
    told, tokenizers = forms
    for tokenizer in tokenizers:
        assert tokenizer.encode(text).tolist() == ids_by_hand(text, told)


@given(texts)
def test_a_text_comes_back_but_for_the_bytes_that_have_no_token(forms, text):
    kept = bytes(byte for byte in text.encode() if byte not in LACKING)
    for tokenizer in forms[1]:
        for specials in False, True:
            ids = tokenizer.encode(text, specials=specials)
            assert tokenizer.decode(ids) == kept.decode("utf-8", "replace")


def test_what_smollm_cuts_in_two_stages():
    assert bpe.words_of("in 1984, x\u00b2 and 12 \u0661\u0662", rule="smollm") == [
        "in", " ", "1", "9", "8", "4", ",", " x", "\u00b2", " and", " ", "1", "2", " ",
        "\u0661", "\u0662"]
    assert bpe.words_of("in 1984", rule="gpt2") == ["in", " 1984"]
    ids = {rule: small(rule).encode("12 12").tolist() for rule in ("gpt2", "smollm")}
    assert len(ids["gpt2"]) == 3 and len(ids["smollm"]) == 5  # no merge joins two numbers


def test_a_byte_without_a_token_is_left_out_before_its_neighbours_join():
    tokenizer = small()
    assert tokenizer.encode("hQe").tolist() == tokenizer.encode("he").tolist()
    assert tokenizer.encode("he").size == 1
    assert tokenizer.encode("Q\x04 Q").tolist() == tokenizer.encode(" ").tolist()
    assert tokenizer.encode("Q").size == tokenizer.encode("\x04Q", specials=True).size == 0


def test_the_specials_of_a_chat_are_one_id_each_and_the_end_is_named(forms):
    for tokenizer in forms[1]:
        assert tokenizer.encode("<|im_end|><|endoftext|>", specials=True).tolist() == [1, 0]
        assert tokenizer.encode("<|im_end|>>", specials=True).tolist() == [tokenizer.vocab_size - 1]
        assert tokenizer.end == "<|im_end|>" and tokenizer.specials[tokenizer.end] == 1
        assert len(tokenizer.encode("<|im_end|>")) > 1
        chat = tokenizer.encode("12<|im_end|>12", specials=True).tolist()
        number = tokenizer.encode("12").tolist()
        assert chat == [*number, 1, *number] and len(number) == 1 + (tokenizer.rule == "smollm")


def test_a_checkpoint_brings_a_published_tokenizer_back(forms):
    for tokenizer in forms[1]:
        d = json.loads(json.dumps(tokenizer.to_dict()))
        again = kinds.from_dict(d)
        assert again.to_dict() == tokenizer.to_dict() and again.tokens == tokenizer.tokens
        assert again.encode("x 12 the").tolist() == tokenizer.encode("x 12 the").tolist()
        assert kinds.maker_of(d) == tokenizer.rule


def test_merges_may_be_pairs_and_specials_may_come_after_the_vocabulary(tmp_path):
    told = json_form(small())
    told["model"]["merges"] = [merge.split(" ") for merge in told["model"]["merges"]]
    last = told["added_tokens"][-1]
    del told["model"]["vocab"][last["content"]]
    assert published.load_json(written(tmp_path, told), "<|im_end|>").to_dict() == small().to_dict()


def test_unused_tokens_at_the_end_of_the_metadata_are_no_tokens():
    d = metadata_form(small())
    d["tokenizer.ggml.tokens"] = d["tokenizer.ggml.tokens"] + ["[PAD1]", "[PAD2]"]
    d["tokenizer.ggml.token_type"] = np.append(d["tokenizer.ggml.token_type"], np.int32([5, 5]))
    assert published.of_metadata(d).to_dict() == small().to_dict()


def test_a_token_that_a_user_added_is_a_special():
    d = metadata_form(small())
    d["tokenizer.ggml.token_type"] = np.where(d["tokenizer.ggml.token_type"] == 3, 4, 1)
    assert published.of_metadata(d).to_dict() == small().to_dict()


def test_without_an_end_of_its_own_the_end_of_a_text_is_gpt2s():
    d = metadata_form(small())
    del d["tokenizer.ggml.eos_token_id"]
    assert published.of_metadata(d).end == "<|endoftext|>"


# what is refused, by its name

def refuses(read, message):
    """Hold a refusal against its words, where ... stands for any."""
    with pytest.raises(ValueError) as caught:
        read()
    sentence = str(caught.value)
    assert all(part in sentence for part in message.split("...")), sentence
    assert "; allowed: " in sentence and sentence.isprintable() and len(sentence) < 400


@pytest.mark.parametrize("key, value, message", [
    ("model", "llama", "tokenizer.ggml.model is 'llama'; allowed: gpt2"),
    ("model", np.int32([1, 2]), "tokenizer.ggml.model is array([1, 2], dtype=int32); allowed"),
    ("model", None, "tokenizer.ggml.model is None; allowed: gpt2"),
    ("pre", "llama-bpe", "tokenizer.ggml.pre is 'llama-bpe'; allowed: gpt-2, smollm"),
    ("pre", None, "tokenizer.ggml.pre is None; allowed: gpt-2, smollm"),
    ("pre", 3, "tokenizer.ggml.pre is 3; allowed"),
    ("add_bos_token", True, "tokenizer.ggml.add_bos_token is True; allowed: none, False"),
    ("add_eos_token", True, "tokenizer.ggml.add_eos_token is True; allowed: none, False"),
    ("add_space_prefix", True, "tokenizer.ggml.add_space_prefix is True; allowed: none, False"),
    ("tokens", 7, "tokenizer.ggml.tokens is 7; allowed: a list of texts"),
    ("tokens", ["a"], "tokenizer.ggml.token_type is ...; allowed: 1, 3, 4 or 5 for each of 1 tok"),
    ("merges", None, "tokenizer.ggml.merges is None; allowed: a list of texts"),
    ("merges", ["a b c"], "token ... is ...; allowed: the name of a byte"),
    ("token_type", None, "tokenizer.ggml.token_type is []; allowed: 1, 3"),
    ("token_type", "x", "tokenizer.ggml.token_type is ...; allowed: 1, 3"),
    ("token_type", np.int32([6] * 265), "tokenizer.ggml.token_type is [6, 6, ...; allowed: 1, 3"),
    ("eos_token_id", 10**6, "tokenizer.ggml.eos_token_id is 1000000; allowed: 0 to 264"),
    ("eos_token_id", "1", "tokenizer.ggml.eos_token_id is '1'; allowed: 0 to 264"),
])
def test_metadata_that_is_not_known_is_refused(key, value, message):
    d = metadata_form(small()) | {f"tokenizer.ggml.{key}": value}
    refuses(lambda: published.of_metadata(d), message)


def changed(path, value):
    """The object of a tokenizer.json with another value at a path of keys."""
    told = json_form(small())
    place = told
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return told


STEPS = ["pre_tokenizer", "pretokenizers"]


@pytest.mark.parametrize("told, message", [
    ("[1]", "tokenizer is [1]; allowed: an object"),
    ("{", "tokenizer.json, which is not JSON"),
    ("[" * 10**5, "tokenizer.json, which is not JSON"),
    (changed(["model"], None), "model is None; allowed: an object"),
    (changed(["model", "type"], "Unigram"), "model.type is 'Unigram'; allowed: BPE"),
    (changed(["model", "type"], None), "model.type is None; allowed: BPE"),
    (changed(["model", "byte_fallback"], True), "model.byte_fallback is True; allowed: none, Fal"),
    (changed(["model", "ignore_merges"], True), "model.ignore_merges is True; allowed"),
    (changed(["model", "dropout"], 0.1), "model.dropout is 0.1; allowed: none, 0.0"),
    (changed(["model", "end_of_word_suffix"], "</w>"), "model.end_of_word_suffix is '</w>'"),
    (changed(["model", "unk_token"], "<|im_end|>"), "model.unk_token is ...; allowed: none"),
    (changed(["model", "vocab"], []), "model.vocab is []; allowed: an object"),
    (changed(["model", "vocab", "x"], 10**30), "vocab is ...; allowed: tokens with the ids 0, 1"),
    (changed(["model", "vocab", "x"], True), "vocab is ...; allowed: tokens with the ids 0, 1"),
    (changed(["model", "vocab", "xyz"], 265), "token 255 is ...; allowed: the name of a byte"),
    (changed(["model", "merges", 3], "a c"), "merges[3] is ['a', 'c']; allowed: two tokens that"),
    (changed(["model", "merges", 3], "i n g"), "merges[3] is ['i', 'n', 'g']; allowed: two"),
    (changed(["model", "merges", 3], ["i", 3]), "merges[3] is ['i', 3]; allowed: two tokens"),
    (changed(["model", "merges", 3], None), "merges[3] is None; allowed: two tokens"),
    (changed(["model", "merges"], {}), "merges is {}; allowed: a list"),
    (changed(["normalizer"], {"type": "NFC"}), "normalizer is {'type': 'NFC'}; allowed: none"),
    (changed(["post_processor"], {"type": "TemplateProcessing"}), "post_processor.type is 'Tem"),
    (changed(["decoder"], {"type": "WordPiece"}), "decoder.type is 'WordPiece'; allowed: none, B"),
    (changed(["decoder"], "x"), "decoder is 'x'; allowed: an object"),
    (changed(["pre_tokenizer"], None), "pre_tokenizer is None; allowed: an object"),
    (changed(["pre_tokenizer"], {"type": "Split"}), "pre_tokenizer is ...; allowed: the steps of"),
    (changed([*STEPS, 0, "individual_digits"], False), "pre_tokenizer is ...; allowed: the steps"),
    (changed([*STEPS, 1, "add_prefix_space"], True), "pre_tokenizer is ...; allowed: the steps of"),
    (changed([*STEPS, 1, "use_regex"], False), "pre_tokenizer is ...; allowed: the steps of"),
    (changed([*STEPS], [1, 2]), "pre_tokenizer is ...; allowed: the steps of"),
    (changed(["added_tokens"], 3), "added_tokens is 3; allowed: a list"),
    (changed(["added_tokens", 0], 3), "added_tokens is 3; allowed: an object"),
    (changed(["added_tokens", 0, "id"], 7), "added_tokens holds {...; allowed: a content"),
    (changed(["added_tokens", 0, "content"], None), "added_tokens holds {...; allowed: a content"),
    (changed(["added_tokens", 0, "lstrip"], True), "lstrip of '<|endoftext|>' is True; allowed"),
    (changed(["added_tokens"], []), "token 0 is '<|endoftext|>'; allowed: the name of a byte"),
])
def test_a_tokenizer_json_that_is_not_known_is_refused(told, message, tmp_path):
    refuses(lambda: published.load_json(written(tmp_path, told)), message)


def test_a_special_among_the_bytes_is_refused(tmp_path):
    told = json_form(small())
    told["added_tokens"].append(dict(told["added_tokens"][0], id=9, content=next(
        name for name, i in told["model"]["vocab"].items() if i == 9)))
    refuses(lambda: published.load_json(written(tmp_path, told)),
            "token 9 is ...; allowed: the name of a byte")
