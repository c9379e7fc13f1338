"""The book, written once for all tests of the room."""

import pytest

from compare.book.book import write_book


@pytest.fixture(scope="session")
def book(tmp_path_factory):
    """The folder of a book that was just written."""
    return write_book(tmp_path_factory.mktemp("book") / "book").parent
