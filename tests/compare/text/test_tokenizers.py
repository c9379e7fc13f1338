"""Tokenizers: text comes back whole, BPE agrees with a naive one, and broken data is refused."""

import codecs
import functools
import json
import time
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.text import corpus
from compare.text import bpe, gpt2_files
from compare.text.bpe import BPETokenizer, train_bpe
from compare.text.kinds import from_dict
from compare.text.tokenizers import END, ByteTokenizer, CharTokenizer
from gpt2_form import write_gpt2

GPT2 = Path(__file__).parents[4] / "shared" / "data" / "gpt2"
needs_gpt2 = pytest.mark.skipif(
    not (GPT2 / "vocab.bpe").exists() or not (GPT2 / "encoder.json").exists(),
    reason=f"GPT-2's own vocab.bpe and encoder.json are not in {GPT2}")

TRICKY = " \t\n\r\x1c\x1f\x85\xa0\u3000\u200b'stvreml1\u0660\u00bd!ab\u00e9\u4e2d\u0301\U0001f600"
texts = st.text() | st.text(TRICKY, max_size=30)
repetitive = st.text("ab c", max_size=60)


@functools.cache
def trained():
    return train_bpe(corpus.read_text()[:100_000], 300)


@functools.cache
def gpt2():
    return gpt2_files.load_gpt2(GPT2)


# what every tokenizer does

@given(texts)
def test_decoding_undoes_encoding(text):
    for tokenizer in ByteTokenizer(), trained(), CharTokenizer(text + "x"):
        ids = tokenizer.encode(text)
        assert ids.dtype == np.int64 and ids.ndim == 1
        assert tokenizer.decode(ids) == text


@given(st.lists(st.integers(0, 555)), st.lists(st.integers(0, 255)))
def test_any_ids_decode_and_the_stream_says_the_same(ids, some_bytes):
    for tokenizer, ids in (trained(), ids), (ByteTokenizer(), some_bytes):
        assert "".join(tokenizer.stream(iter(ids))) == tokenizer.decode(np.array(ids, np.int64))


def test_the_stream_holds_back_half_a_character():
    def arriving():
        for i in ByteTokenizer().encode("a\u00e9\u4e2d"):
            asked.append(i)
            yield i

    asked = []
    pieces = [(piece, len(asked)) for piece in ByteTokenizer().stream(arriving())]
    assert pieces == [("a", 1), ("\u00e9", 3), ("\u4e2d", 6)]
    assert list(ByteTokenizer().stream([97, 0xC3])) == ["a", "\ufffd"]


@pytest.mark.parametrize("wrong", [-1, 256, 1.0, "a", None, [1, 2]])
def test_ids_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="ids holds .*; allowed: whole numbers from 0 to 255"):
        ByteTokenizer().decode([0, wrong])


def test_a_lone_surrogate_is_refused():
    for refuse in CharTokenizer, train_bpe, ByteTokenizer().encode, trained().encode:
        with pytest.raises(ValueError, match=r"surrogate '\\udc80'; allowed: .*UTF-8"):
            refuse("a\udc80")


def test_an_empty_training_text_is_refused():
    for train in CharTokenizer, train_bpe:
        with pytest.raises(ValueError, match="text is empty; allowed: at least one"):
            train("")


def test_characters_never_seen_are_refused_by_name():
    tokenizer = CharTokenizer("ab")
    assert tokenizer.vocab_size == 2 and tokenizer.characters == ["a", "b"]
    with pytest.raises(ValueError, match=r"the character '\\xe9'; allowed: the 2 characters"):
        tokenizer.encode("ab\u00e9")
    with pytest.raises(ValueError, match="the characters 'c', 'd', 'e' and 2 more; allowed: "):
        tokenizer.encode("gfedcba")


# byte-level BPE against the shortest code that does the same

def naive_merge(word, pair, new):
    merged = []
    for i in word:
        if merged and (merged[-1], i) == pair:
            merged[-1] = new
        else:
            merged.append(i)
    return tuple(merged)


def naive_training(text, merges):
    words, pairs = Counter(tuple(word.encode()) for word in bpe.words_of(text)), []
    for new in range(256, 256 + merges):
        counts = Counter()
        for word, n in words.items():
            for pair in zip(word, word[1:]):
                counts[pair] += n
        pair = min(counts, key=lambda pair: (-counts[pair], pair), default=None)
        if counts[pair] < 2:
            break
        pairs.append(pair)
        merged = Counter()
        for word, n in words.items():
            merged[naive_merge(word, pair, new)] += n
        words = merged
    return pairs


@given((repetitive | texts).filter(bool), st.integers(0, 30))
def test_training_agrees_with_counting_all_pairs_each_time(text, merges):
    assert list(train_bpe(text, merges).merges) == naive_training(text, merges)


def test_training_on_a_real_text_agrees_too():
    text = corpus.read_text()[:4000]
    assert list(train_bpe(text, 100).merges) == naive_training(text, 100)


def test_training_tells_of_every_merge():
    told = []
    tokenizer = train_bpe("ab" * 50, 9, tell=told.append)
    assert told == list(range(1, len(tokenizer.merges) + 1)) and len(told) > 2


@given(repetitive, texts)
def test_encoding_agrees_with_every_merge_in_turn(sample, text):
    tokenizer = train_bpe(sample + "abab", 30)
    for given_text in sample, text:
        ids = []
        for word in bpe.words_of(given_text):
            word = tuple(word.encode())
            for pair, new in tokenizer.merges.items():
                word = naive_merge(word, pair, new)
            ids.extend(word)
        assert tokenizer.encode(given_text).tolist() == ids


@given(repetitive, st.integers(0, 20))
def test_fewer_merges_are_the_first_of_more_and_shorten_less(text, merges):
    less, more = train_bpe(text + "ab", merges), train_bpe(text + "ab", merges + 5)
    assert list(less.merges) == list(more.merges)[:merges]
    assert len(text.encode()) >= len(less.encode(text)) >= len(more.encode(text))


@given(texts)
def test_words_are_encoded_on_their_own(text):
    words = bpe.words_of(text)
    assert "".join(words) == text
    ids = [i for word in words for i in trained().encode(word)]
    assert trained().encode(text).tolist() == ids


def test_a_megabyte_is_trained_in_time():
    text = (corpus.read_text() + corpus.read_text().swapcase() + corpus.read_text()[::-1])[:1_000_000]
    start = time.perf_counter()
    tokenizer = train_bpe(text, 1000)
    assert time.perf_counter() - start < 60
    assert tokenizer.vocab_size == 1256
    assert len(tokenizer.encode(text)) < len(text) / 2


def test_a_megabyte_of_one_word_is_encoded_in_time():
    word = "ab" * 500_000
    start = time.perf_counter()
    assert trained().decode(trained().encode(word)) == word
    assert time.perf_counter() - start < 20


def test_tokens_stay_short():
    tokenizer = train_bpe("a" * 5000, 20)
    assert [len(token) for token in tokenizer.tokens[256:]] == [2, 4, 8, 16, 32, 64, 128, 256]


@pytest.mark.parametrize("merges", [-1, 65_281, 2.0, True, "9", None])
def test_merges_out_of_range_are_refused(merges):
    with pytest.raises(ValueError, match="merges is .*; allowed: a whole number from 0 to 65280"):
        train_bpe("abab", merges)


def test_specials_are_ordinary_text_unless_asked_for():
    tokenizer = BPETokenizer([(97, 98)], specials=["<s>", "<s>>"])
    assert tokenizer.encode("ab<s>").tolist() == [256, 60, 115, 62]
    assert tokenizer.encode("ab<s><s>>ab", specials=True).tolist() == [256, 257, 258, 256]
    assert tokenizer.encode("", specials=True).dtype == np.int64
    assert tokenizer.decode([257, 256]) == "<s>ab"


@given(st.lists(st.sampled_from(["<s>", "<s>>", "ab", " ", "<", ">", "s", "\u00e9"]), max_size=12))
def test_specials_cut_a_text_into_texts_of_their_own(pieces):
    tokenizer, text = BPETokenizer([(97, 98)], specials=["<s>", "<s>>"]), "".join(pieces)
    ids, at = [], 0
    while at < len(text):  # from the left: the longest name that begins here, else up to the next
        name = next((name for name in ("<s>>", "<s>") if text.startswith(name, at)), None)
        end = min((text + "<s>").index("<s>", at), len(text))
        ids += [tokenizer.specials[name]] if name else tokenizer.encode(text[at:end]).tolist()
        at = at + len(name) if name else end
    found = tokenizer.encode(text, specials=True)
    assert found.tolist() == ids and tokenizer.decode(found) == text


def test_every_tokenizer_is_asked_alike_and_those_without_specials_take_the_words_as_text():
    for tokenizer in ByteTokenizer(), CharTokenizer(END), trained():
        assert tokenizer.specials == {}
        np.testing.assert_array_equal(tokenizer.encode(END, specials=True), tokenizer.encode(END))


# the splitting rule

def test_each_character_is_split_as_its_category_says():
    def family(character):
        category = unicodedata.category(character)
        space = category[0] == "Z" or character in "\t\n\x0b\x0c\r\x85"
        return "space" if space else category[0] if category[0] in "LN" else "other"

    for word in bpe.words_of("".join(map(chr, range(0x110000)))):
        assert len(set(map(family, word.removeprefix(" ") or word))) == 1, ascii(word)


@pytest.mark.parametrize("words", [
    ["Hello", " world", "123", "!?"], ["it", "'s", " we", "'ll", " '", "S"], ["a", "  ", " b"],
    ["a", "\n", "\n", "b"], ["a", " \n "], ["x", "\x1c", "y"], [" \x1f\x1c", "y"],
    ["x", "\x85", "y"], ["\u4e2d\u6587", "\u3002"], [" \u0660\u00bd\u2167", "e", "\u0301"]])
def test_known_splits(words):
    assert bpe.words_of("".join(words)) == words


# dictionaries, which checkpoints carry

@given(texts)
def test_a_dictionary_brings_the_tokenizer_back(text):
    for tokenizer in (ByteTokenizer(), train_bpe(text + "x", 5), CharTokenizer(text + "x"),
                      BPETokenizer([[1, 2]], range(255, -1, -1), ["<end>"])):
        again = from_dict(json.loads(json.dumps(tokenizer.to_dict())))
        assert type(again) is type(tokenizer) and again.tokens == tokenizer.tokens
        assert again.to_dict() == tokenizer.to_dict()
        assert again.encode(text + "x").tolist() == tokenizer.encode(text + "x").tolist()


def small_bpe(**changes):
    return BPETokenizer([]).to_dict() | changes


@pytest.mark.parametrize("d, message", [
    (None, "tokenizer is None; allowed: .* characters, bytes, bpe"),
    ({"kind": ["bpe"]}, "tokenizer is .*; allowed: .* characters, bytes, bpe"),
    ({"kind": "bytes", "more": 1}, "tokenizer is .*; allowed: what to_dict writes"),
    ({"kind": "characters"}, "characters is None; allowed: a str"),
    ({"kind": "characters", "characters": "ba"}, "tokenizer is .*; allowed: what to_dict writes"),
    ({"kind": "characters", "characters": ""}, "text is empty"),
    (small_bpe(alphabet=[0, 0]), "alphabet is .*; allowed: numbers from 0 to 255, each once at"),
    (small_bpe(alphabet=[256]), "alphabet is .*; allowed: numbers from 0 to 255, each once at"),
    (small_bpe(alphabet=["a"] * 256), "alphabet is .*; allowed: numbers from 0 to 255, each once"),
    (small_bpe(rule="llama-bpe"), "rule is 'llama-bpe'; allowed: gpt2, smollm"),
    (small_bpe(rule="gpt2"), "tokenizer is .*; allowed: what to_dict writes"),
    (small_bpe(first=1), "first is 1; allowed: 0 to 0 specials"),
    (small_bpe(first=-1, specials=["a"]), "first is -1; allowed: 0 to 1 specials"),
    (small_bpe(first=True, specials=["a"]), "first is True; allowed: 0 to 1 specials"),
    (small_bpe(first="1", specials=["a"]), "first is '1'; allowed: a int"),
    (small_bpe(end=3), "end is 3; allowed: a str"),
    (small_bpe(alphabet=10**12), "alphabet is 10{12}; allowed: a list"),
    (small_bpe(merges={}), "merges is {}; allowed: a list"),
    (small_bpe(merges=[[0, 0], [0, 257]]), r"merges\[1\] is \[0, 257\]; allowed: two ids below 257"),
    (small_bpe(merges=[[0, 0], [0, 0]]), r"merges\[1\] is \[0, 0\]; allowed: .* no merge before"),
    (small_bpe(merges=[[0, True]]), r"merges\[0\] is .*; allowed: two ids"),
    (small_bpe(merges=[[0, -1]]), r"merges\[0\] is .*; allowed: two ids"),
    (small_bpe(merges=[[0, 10**5000]]), r"merges\[0\] is too long a number; allowed: two ids"),
    (small_bpe(merges=["ab"]), r"merges\[0\] is 'ab'; allowed: two ids"),
    (small_bpe(merges=[[255 + k] * 2 for k in range(99)]), r"merges\[8\] makes a token of 512 bytes"),
    (small_bpe(merges=[[k // 256, k % 256] for k in range(65_281)]), "merges holds more than 65280"),
    (small_bpe(specials=[""]), "specials holds ''; allowed: different names"),
    (small_bpe(specials=["a", "a"]), "specials holds 'a'; allowed: different names"),
    (small_bpe(specials=["\ud800"]), "lone surrogate"),
])
def test_broken_dictionaries_are_refused(d, message):
    with pytest.raises(ValueError, match=message) as caught:
        from_dict(d)
    assert "allowed: " in str(caught.value) and len(str(caught.value)) < 300


anything = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(st.sampled_from(["characters", "bytes", "bpe"]), anything, anything,
       st.sampled_from(["characters", "alphabet", "merges", "specials"]))
def test_any_data_is_a_tokenizer_or_refused(kind, value, other, key):
    for d in value, {"kind": value}, {"kind": kind, key: value}, small_bpe(**{key: [value, other]}):
        try:
            assert from_dict(d).to_dict() == d
        except ValueError as error:
            assert "; allowed: " in str(error)


# GPT-2's files: first small ones in their form, then its own

def test_files_in_gpt2s_form_load(tmp_path):
    write_gpt2(tmp_path, trained())
    loaded = gpt2_files.load_gpt2(tmp_path / "vocab.bpe", tmp_path / "encoder.json")
    assert loaded.merges == trained().merges and loaded.specials == {"<|endoftext|>": 556}
    assert loaded.tokens[:556] == trained().tokens
    assert gpt2_files.load_gpt2(tmp_path).to_dict() == loaded.to_dict()


def test_a_byte_order_mark_is_no_part_of_gpt2s_files(tmp_path):
    write_gpt2(tmp_path, trained())
    plain = gpt2_files.load_gpt2(tmp_path).to_dict()
    for name in "vocab.bpe", "encoder.json":
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(codecs.BOM_UTF8 + content)
    assert gpt2_files.load_gpt2(tmp_path).to_dict() == plain


@pytest.mark.parametrize("changes, message", [
    (dict(lines=["a b"]), "line 1 of .*vocab.bpe is 'a b'; allowed: #version"),
    (dict(lines=["#version: 0.2", "a b", "ab"]), "line 3 of .*vocab.bpe is 'ab'; allowed: two"),
    (dict(lines=["#version: 0.2", "a c"]), "line 2 of .*vocab.bpe is 'a c'; allowed: two tokens"),
    (dict(lines=["#version: 0.2", "ab "]), "line 2 of .*vocab.bpe is 'ab '; allowed: two tokens"),
    (dict(lines=["#version: 0.2", "ab c"]), "line 2 of .* join to the token of id 256"),
    (dict(lines=["#version: 0.2"]), "0 merges, after which .*encoder.json has .*; allowed: <|end"),
    (dict(names={"more": 259}), "2 merges, after which .*; allowed: <|endoftext|> alone"),
    (dict(names={"ab": 300}), "encoder is .*encoder.json, .*; allowed: tokens with the ids 0, 1"),
    (dict(names={"ab": "256"}), "encoder is .*; allowed: tokens with the ids 0, 1"),
    (dict(names={"ab": 97, "a": 256}), "encoder is .*; allowed: .* the 256 bytes first"),
])
def test_files_that_do_not_fit_are_refused(tmp_path, changes, message):
    write_gpt2(tmp_path, BPETokenizer([(97, 98), (256, 99)]), **changes)
    with pytest.raises(ValueError, match=message):
        gpt2_files.load_gpt2(tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"[1, 2]", b"{", b"[" * 100_000, b"\xff", b"3"])
def test_an_encoder_that_is_none_is_refused(tmp_path, content):
    write_gpt2(tmp_path, trained())
    (tmp_path / "encoder.json").unlink()
    if content is not None:
        (tmp_path / "encoder.json").write_bytes(content)
    with pytest.raises(ValueError, match="encoder is .*encoder.json, which .*; allowed: "):
        gpt2_files.load_gpt2(tmp_path)


# its algorithm, on a small vocabulary written by hand

MERGES = """\u0120 t:h e:\u0120t he:t o:b e:\u0120 be:o t:n ot:\u00c3 \u00a9:l l:' ll:1 2:12 3:\u010a \u010a
a a:aa aa:x y:y z:xy z:to \u0120:e \u0120t""".replace("\n", ":").split(":")  # the last two join no word
SYMBOLS = [*range(33, 127), *range(161, 173), *range(174, 256)]  # bytes that show as themselves
VISIBLE = {byte: chr(byte) for byte in SYMBOLS} | {  # the others take the characters from 256 on
    byte: chr(256 + n) for n, byte in enumerate(byte for byte in range(256) if byte not in SYMBOLS)}


def published(folder):
    """Write vocab.bpe and encoder.json as GPT-2's are published; return the ids by token."""
    order = np.random.default_rng(0).permutation(256).tolist()  # as out of order as GPT-2's
    tokens = [VISIBLE[byte] for byte in order] + [line.replace(" ", "") for line in MERGES] + [END]
    ids = {token: i for i, token in enumerate(tokens)}
    (folder / "encoder.json").write_text(json.dumps(ids), encoding="utf-8")
    (folder / "vocab.bpe").write_text("\n".join(["#version: 0.2", *MERGES, ""]), encoding="utf-8")
    return ids, {tuple(line.split()): rank for rank, line in enumerate(MERGES)}


def ids_by_lowest_rank(text, ids, ranks):
    """Return the ids of a text as GPT-2's published encoder makes them: the lowest rank first."""
    found = []
    for word in bpe.words_of(text):
        symbols = [VISIBLE[byte] for byte in word.encode()]
        while pairs := [pair for pair in zip(symbols, symbols[1:]) if pair in ranks]:
            lowest = min(pairs, key=ranks.get)
            symbols = list(naive_merge(symbols, lowest, "".join(lowest)))
        found += [ids[symbol] for symbol in symbols]
    return found


@pytest.fixture(scope="module")
def small_gpt2(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpt2")
    ids, ranks = published(folder)
    return gpt2_files.load_gpt2(folder), ids, ranks


@given(st.lists(st.sampled_from(
    ["the", " the", " to", "be", " not", "\u00e9", "'ll", "1234", "\n\n", "aaaaaaa", "xyz", "xy", " ",
     "o", "t", "\x00", "\xad"]), max_size=20))
def test_gpt2s_algorithm_gives_the_ids_of_the_lowest_rank_first(small_gpt2, pieces):
    tokenizer, ids, ranks = small_gpt2
    text = "".join(pieces)
    assert tokenizer.encode(text).tolist() == ids_by_lowest_rank(text, ids, ranks)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.encode(text + END, specials=True)[-1] == ids[END] == len(ids) - 1


def test_the_rank_of_a_merge_decides_not_its_place(small_gpt2):
    tokenizer, ids, _ = small_gpt2
    assert tokenizer.encode("xyz").tolist() == [ids["xyz"]]    # x y before y z
    assert tokenizer.encode(" the").tolist() == [ids["\u0120the"]]  # \u0120 t, then h e, then both
    assert tokenizer.encode("toot").tolist() == [ids["to"], ids["ot"]]


def test_gpt2_writes_each_byte_as_one_visible_character():
    symbols = gpt2_files.printable_bytes()
    assert sorted(symbols.values()) == list(range(256)) and symbols["a"] == ord("a")
    assert symbols["\u0120"] == ord(" ") and symbols["\u010a"] == ord("\n")
    assert max(map(ord, symbols)) == 256 + 67


@needs_gpt2
@pytest.mark.parametrize("text, ids", [
    ("Hello world", [15496, 995]), ("hello world", [31373, 995]), (" the", [262]),
    ("Hello, world!", [15496, 11, 995, 0]), ("\n", [198]), ("\n\n", [628]), (" ", [220]),
    ("The quick brown fox jumps over the lazy dog",
     [464, 2068, 7586, 21831, 18045, 625, 262, 16931, 3290]),
    ("<|endoftext|>", [27, 91, 437, 1659, 5239, 91, 29]), ("", [])])
def test_gpt2_gives_the_published_ids(text, ids):
    assert gpt2().encode(text).tolist() == ids


@needs_gpt2
def test_gpt2_has_one_special_token():
    assert gpt2().vocab_size == 50_257
    assert gpt2().encode("<|endoftext|>", specials=True).tolist() == [50_256]
    assert gpt2().decode([50_256]) == "<|endoftext|>"


@needs_gpt2
@given(texts)
def test_gpt2_decoding_undoes_encoding(text):
    assert gpt2().decode(gpt2().encode(text)) == text


@needs_gpt2
def test_gpt2_cuts_the_plays_of_shakespeare_into_as_many_tokens_as_published():
    plays = GPT2.parent / "tinyshakespeare.txt"
    if not plays.exists():
        pytest.skip(f"{plays} is not there")
    assert len(gpt2().encode(corpus.read_text(plays))) == 301_966 + 36_059  # nanoGPT's two splits
