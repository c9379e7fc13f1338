"""Documents: files, folders, JSON lines and standard input become one text, each document ended."""

import codecs
import io
import json
import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.text import corpus, kinds
from compare.text.documents import Documents, Source, joined, source_of
from compare.text.tokenizers import END


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with texts in it, and the current one."""
    for name in "a.TXT", "b.txt", "sub/c.txt", "d.md", "empty.txt":
        text = name.replace("empty", "").partition(".")[0][-1:]  # its letter
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_text(text, encoding="utf-8")
    (tmp_path / "folder" / "sub" / "lines.jsonl").write_bytes(
        codecs.BOM_UTF8 + b'{"text": "one\\nline"}\r\n\n{"text": "", "n": 1}\n{"text": "\\u00e9"}')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def documents(*paths, **more):
    return Source(list(paths), **more).read().training


def test_a_folder_is_its_files_in_order_and_each_line_of_json_a_document(place):
    assert documents("folder") == ["a", "b", "c", "one\nline", "\u00e9"]
    assert documents("folder/sub/lines.jsonl") == ["one\nline", "\u00e9"]
    assert documents("folder/sub", "folder/d.md", "folder/b.txt") == [
        "c", "one\nline", "\u00e9", "d", "b"]  # as given


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_in_a_folder_is_not_waited_for(place):
    os.mkfifo(place / "folder" / "sub" / "pipe.txt")
    assert documents("folder/sub") == ["c", "one\nline", "\u00e9"]


def test_a_field_is_taken_by_its_name(place):
    (place / "two.jsonl").write_text('{"text": "no", "body": "yes"}\n', encoding="utf-8")
    assert documents("two.jsonl") == ["no"] and documents("two.jsonl", field="body") == ["yes"]


def test_standard_input_is_a_document(place, monkeypatch):
    stdin = SimpleNamespace(buffer=io.BytesIO(codecs.BOM_UTF8 + "caf\u00e9\r\n".encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert documents("folder/b.txt", "-") == ["b", "caf\u00e9\n"]


def test_validation_documents_are_read_alike(place):
    read = Source(["folder/b.txt"], ["folder/sub"]).read()
    assert read == Documents(["b"], ["c", "one\nline", "\u00e9"]) and read.length == 11
    assert Source().read() == Documents([corpus.read_text()])



@pytest.mark.parametrize("files, paths, more, sentence", [
    ({}, ["no.txt"], {}, "text is no.txt, which can't be read .*; allowed: a UTF-8 file"),
    ({"x": b"\xff"}, ["x"], {}, "text is x, whose byte 0 is not UTF-8; allowed: a UTF-8 file"),
    ({"f/x.txt": b"a\xff"}, ["f"], {}, "text is f.x.txt, whose byte 1 is not UTF-8; allowed: "),
    ({"f/x.md": b"a"}, ["f"], {},
     r"text is f, a folder without a file \*.txt or \*.jsonl; allowed: a folder with one"),
    ({"x": b"a"}, ["x"], {"valid_text": ["no"]}, "valid_text is no, which can't be read .*; allow"),
    ({"x": b"a"}, ["x"], {"field": "a"}, r"field is a; allowed: only where a text is a file \*.json"),
    ({}, ["-", "-"], {}, "text is - more than once; allowed: standard input once"),
    ({}, ["-"], {"valid_text": ["-"]}, "valid_text is -, and so is text; allowed: standard input o"),
    ({}, ["x"] * 1001, {}, "text is 1001 paths; allowed: up to 1000, or a folder"),
    *[({"x.jsonl": b'{"text": "a"}\n\n' + content}, ["x.jsonl"], more,
       f"text is x.jsonl, whose line 3 {reason}; allowed: an object with a text as {field}$")
      for content, more, reason, field in [
          (b"{", {}, "is not JSON", "text"), (b"[" * 99_999, {}, "is not JSON", "text"),
          (b"9" * 9999, {}, "is not JSON", "text"), (b"[1]", {}, "has no such text", "text"),
          (b'{"text": 1}', {}, "has no such text", "text"), (b"{}", {}, "has no such text", "text"),
          (b'{"text": "\\ud800"}', {}, "holds a lone surrogate", "text")]],
    ({"x.jsonl": b'{"text": "a"}'}, ["x.jsonl"], {"field": "a\x1b"},
     r"whose line 1 has no such text; allowed: an object with a text as 'a\\x1b'$"),
])
def test_what_is_no_document_is_refused_by_file_and_line(place, files, paths, more, sentence):
    for name, content in files.items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_bytes(content)
    with pytest.raises(ValueError, match=sentence):
        Source(paths, **more).read()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="every folder can be read here")
def test_a_folder_that_cannot_be_read_is_refused(place):
    (place / "folder" / "sub").chmod(0)
    with pytest.raises(ValueError, match="text is .*sub, which can't be read"):
        documents("folder")


def test_processes_do_not_share_standard_input(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="text is -, which 2 processes can't share; allowed: a file"):
        documents("-")


texts = st.lists(st.text("ab \n", min_size=1, max_size=9), min_size=1, max_size=5)


@given(texts)
def test_several_documents_are_ended_or_joined_and_one_is_left_as_it_is(some):
    assert joined(some[:1], True) == joined(some[:1], False) == some[0]
    if len(some) > 1:
        assert joined(some, True).split(END) == [*some, ""]
        assert joined(some, False) == "\n".join(some)


@given(texts, texts | st.none(), st.sampled_from(["characters", "bytes", "bpe"]))
def test_the_ids_are_those_of_each_document_and_its_end(training, validation, kind):
    read = Documents(training, validation)
    tokenizer = kinds.make(kind, read, 4, None)
    assert (END in tokenizer.specials) == (kind == "bpe" and len(training) > 1)
    again = kinds.from_dict(json.loads(json.dumps(tokenizer.to_dict())))
    assert again.specials == tokenizer.specials

    def expected(some):
        if len(some) == 1 or not tokenizer.specials:
            return tokenizer.encode("\n".join(some)).tolist()
        end = tokenizer.vocab_size - 1
        return [i for text in some for i in [*tokenizer.encode(text).tolist(), end]]

    ids = expected(training)
    cut = len(ids) * 9 // 10
    parts = (ids[:cut], ids[cut:]) if validation is None else (ids, expected(validation))
    if min(map(len, parts)) > 2:
        assert [part.tolist() for part in read.ids(tokenizer, 2)] == list(parts)
    else:
        sentence = "has [012] tokens; allowed: at least" if validation else "has .* in the .* part"
        with pytest.raises(ValueError, match=f"{sentence}.* block_size . 1 = 3"):
            read.ids(tokenizer, 2)


def test_merges_are_learnt_from_the_training_documents_without_their_ends():
    alone = kinds.make("bpe", Documents(["abab abab", "cdcd"]), 9, None)
    one = kinds.make("bpe", Documents(["abab abab cdcd"]), 9, None)
    assert list(alone.merges) == list(one.merges) and one.specials == {}
    beside = kinds.make("bpe", Documents(["abab abab", "cdcd"], ["efef " * 9]), 9, None)
    assert beside.to_dict() == alone.to_dict()
    assert kinds.maker_of(alone.to_dict()) == "bpe"


@pytest.mark.parametrize("source", [
    Source(), Source(["a.txt"]), Source(["-"]), Source(["a", "-"], ["b"]),
    Source(None, ["b", "c"], "body")])
def test_what_a_checkpoint_keeps_leads_back(source, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    kept = source.whole().kept()
    again = source_of(json.loads(json.dumps(kept)))
    assert again == source.whole() and again.field == source.field
    for paths, found in (source.text, again.text), (source.valid_text, again.valid_text):
        assert found == (paths and [p if p == "-" else str(tmp_path / p) for p in paths])
    assert source.text != ["a.txt"] or kept == {"text": str(tmp_path / "a.txt")}


def test_a_text_alone_keeps_its_ids():
    text = "to be, or not to be\n" * 9
    for kind in "characters", "bytes", "bpe":
        read = Documents([text])
        tokenizer = kinds.make(kind, read, 9, None)
        ids = np.concatenate(read.ids(tokenizer, 2))
        np.testing.assert_array_equal(ids, tokenizer.encode(text))
