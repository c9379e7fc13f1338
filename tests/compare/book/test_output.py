"""The folder of a book: nothing of anyone's is lost, and what goes wrong is a sentence."""

import os
import subprocess
import sys
import webbrowser
from pathlib import Path

import pytest

from compare.__main__ import main
from compare.book import book as whole, output
from compare.layers.source import HOUSE

OLD = {"index.html": "old", "source/a/b.html": "b"}
NEW = {"index.html": "new", "style.css": "c"}


@pytest.fixture
def book_of(monkeypatch, capsys):
    """A function that writes a small book as the command does, and returns what it said."""
    def write(files, out, code=0):
        monkeypatch.setattr(whole, "pages", files if callable(files) else lambda: files)
        assert main(["book", "--out", str(out)]) == code
        said = capsys.readouterr()
        assert bool(said.err) == bool(code) and len(said.err.strip().splitlines()) <= 1
        return said.err or said.out
    return write


def held(folder):
    """What is in a folder: the text of each file by its path, without the list of the book."""
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
            for path in sorted(folder.rglob("*")) if path.is_file() and path.name != output.LIST}


def test_an_older_book_is_replaced_and_all_else_stays(tmp_path, book_of):
    book = tmp_path / "book"
    book_of(OLD, book)
    (book / "mine.html").write_text("mine")
    (book / "source" / "notes.txt").write_text("mine, too")
    book_of(NEW, book)
    assert held(book) == NEW | {"mine.html": "mine", "source/notes.txt": "mine, too"}
    assert sorted(path.name for path in book.rglob("*") if path.is_dir()) == ["source"]
    (book / "source" / "notes.txt").unlink()
    book_of(OLD, book)
    book_of(NEW, book)
    assert not (book / "source").exists() and os.listdir(tmp_path) == ["book"]


def test_a_file_of_ones_own_is_not_written_over(tmp_path, book_of):
    book_of(OLD, tmp_path / "book")
    (tmp_path / "book" / "style.css").write_text("mine")
    assert "its style.css is no file of a book; allowed: " in book_of(NEW, tmp_path / "book", 2)
    assert held(tmp_path / "book") == OLD | {"style.css": "mine"}


def test_a_list_that_leads_elsewhere_takes_nothing_away(tmp_path, book_of):
    book_of(OLD, tmp_path / "book")
    outside = [tmp_path / "one.txt", tmp_path / "two.txt"]
    for path in outside:
        path.write_text("mine")
    with open(tmp_path / "book" / output.LIST, "a", encoding="utf-8") as file:
        file.write(f"../one.txt\n{outside[1]}\n")
    book_of(NEW, tmp_path / "book")
    assert all(path.is_file() for path in outside)


def test_a_list_that_is_no_books_gives_no_right_to_the_folder(tmp_path, book_of):
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / output.LIST).write_text("mine.txt\n")
    assert "holds something else; allowed: " in book_of(NEW, tmp_path, 2)
    assert sorted(os.listdir(tmp_path)) == sorted(["mine.txt", output.LIST])


@pytest.mark.parametrize("out", ["new", "far/below/new", "a blank, \u00e4\u2603", "empty", ".", ""])
def test_a_place_for_a_new_book(out, tmp_path, book_of, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty" if out in (".", "") else tmp_path)
    assert book_of(NEW, out).endswith("index.html in a browser\n")
    assert held(Path(out)) == NEW


@pytest.mark.skipif(os.name == "nt", reason="only an administrator makes links on Windows")
def test_a_link_to_a_book_stays_a_link(tmp_path, book_of):
    book_of(OLD, tmp_path / "book")
    (tmp_path / "link").symlink_to("book")
    book_of(NEW, tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and held(tmp_path / "book") == NEW
    (tmp_path / "dangling").symlink_to("nothing")
    assert "dangling is no folder that can be written; " in book_of(NEW, tmp_path / "dangling", 2)


WRONG = {  # --out, and what is said of it
    "a file": ("file", "file is no folder that can be written; allowed: "),
    "a file on the way": ("file/book", "file is no folder that can be written; allowed: "),
    "something else": ("full", "full, which holds something else; allowed: "),
    "a name that is too long": ("x" * 300, "can't be written (File name too long); allowed: ")}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_place_is_a_sentence_and_nothing_changes(wrong, tmp_path, book_of):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "index.html").write_text("mine")
    before = held(tmp_path)
    out, said = WRONG[wrong]
    told = book_of(NEW, tmp_path / out, 2)
    assert told.startswith("error: --out is ") and said in told
    assert held(tmp_path) == before and sorted(os.listdir(tmp_path)) == ["file", "full"]


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(tmp_path, book_of, monkeypatch):
    monkeypatch.setattr(output.os, "access", lambda path, mode: False)  # root may write anywhere
    assert "no folder that can be written" in book_of(lambda: pytest.fail("it worked"), tmp_path / "a" / "b", 2)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("stood", [None, OLD], ids=["a new folder", "an old book"])
def test_a_full_disk_leaves_what_was_there(stood, tmp_path, book_of, monkeypatch):
    if stood:
        book_of(stood, tmp_path / "book")
    def full(path, text):
        if path.name == "style.css":
            raise OSError(28, "No space left on device")
        right(path, text)
    right = output.write_new
    monkeypatch.setattr(output, "write_new", full)
    assert "can't be written (No space left on device)" in book_of(NEW, tmp_path / "book", 2)
    assert os.listdir(tmp_path) == (["book"] if stood else [])
    assert not stood or held(tmp_path / "book") == stood


@pytest.mark.parametrize("stood", [None, OLD], ids=["a new folder", "an old book"])
@pytest.mark.parametrize("when", ["pages", "write"])
def test_ctrl_c_leaves_what_was_there(when, stood, tmp_path, book_of, monkeypatch):
    if stood:
        book_of(stood, tmp_path / "book")
    def stop(*_):
        raise KeyboardInterrupt
    monkeypatch.setattr(output, "write_new", stop if when == "write" else output.write_new)
    assert book_of(stop if when == "pages" else NEW, tmp_path / "book", 130) == "\nstopped\n"
    assert os.listdir(tmp_path) == (["book"] if stood else [])
    assert not stood or held(tmp_path / "book") == stood


def test_two_at_once_leave_one_whole_book(tmp_path, book_of, monkeypatch):
    right = output.bring_in
    def after_another(files, beside, folder):
        monkeypatch.setattr(output, "bring_in", right)
        output.put(OLD, folder)
        right(files, beside, folder)
    monkeypatch.setattr(output, "bring_in", after_another)
    book_of(NEW, tmp_path / "book")
    assert held(tmp_path / "book") == NEW and os.listdir(tmp_path) == ["book"]


@pytest.mark.parametrize("starts", [True, False])
def test_open_says_where_no_browser_starts(starts, tmp_path, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(whole, "pages", lambda: NEW)
    monkeypatch.setattr(webbrowser, "open", lambda address: asked.append(address) or starts)
    assert main(["book", "--open", "--out", str(tmp_path / "b c")]) == 0
    assert asked == [(tmp_path / "b c" / "index.html").resolve().as_uri()]
    assert ("no browser could be started" in capsys.readouterr().out) == (not starts)


def test_without_torch_it_says_so_and_writes_nothing(tmp_path):
    code = ("import sys; sys.modules['torch'] = None\nfrom compare.__main__ import main\n"
            "sys.exit(main(['book', '--out', sys.argv[1]]))")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "book")], cwd=HOUSE, text=True,
                          capture_output=True, timeout=120)
    assert done.returncode == 2 and done.stderr.startswith("error: torch is not installed; allowed: ")
    assert not os.listdir(tmp_path)
