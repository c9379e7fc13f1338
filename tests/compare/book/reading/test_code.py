"""The lines of code of each tag, on small files."""

from pathlib import Path

import pytest

from compare.book.reading import code as reader
from compare.book.reading.code import Code, code_of_tags


@pytest.fixture
def codes(monkeypatch):
    """A function from the text of a file to the Code of its tags."""
    def of(text):
        monkeypatch.setattr(reader, "read", lambda path: text)
        return code_of_tags("reference/small.py")
    return of


FORWARD = '''\
K = 2  # of all


def forward(x, p):  # (N,) -> (N,)
    """Return y.  # nothing"""
    check_floats(x=x)
    if x.size == 0:
        raise ValueError("empty")

    a = "# x" + x    # (N,)  SM-1
    a -= 1           # (N,)  its rounding, too
    b = a            # a note
    c = [
        b,
    ]  # (N, 1), (N,)  SM-2, SM-3 .. SM-4
    return c


class Layer:
    def backward(self, dy):
        for i in range(3):
            if i:
                dy = 2 * dy  # (N,)  SM-5
            else:
                dy = dy      # (N,)
        dy *= K
        return dy  # SM-6
'''


def test_the_lines_of_each_tag(codes):
    found = codes(FORWARD)
    path = Path("reference/small.py")
    of_c = Code(path, 12, 16, "b = a  # a note\nc = [\n    b,\n]\nreturn c", "(N, 1), (N,)",
                ("SM-3", "SM-4", "SM-2"))
    assert found == {
        "SM-1": Code(path, 10, 11, 'a = "# x" + x\na -= 1  # (N,)  its rounding, too', "(N,)", ("SM-1",)),
        "SM-2": of_c, "SM-3": of_c, "SM-4": of_c,
        "SM-5": Code(path, 21, 25, "for i in range(3):\n    if i:\n        dy = 2 * dy\n    else:\n"
                     "        dy = dy  # (N,)", "(N,)", ("SM-5",)),
        "SM-6": Code(path, 26, 27, "dy *= K\nreturn dy", "", ("SM-6",))}


@pytest.mark.parametrize("body, first, second", [
    ("a = x  # SM-1\na = a + 1\nb = a\nc = b  # SM-2", (2, 3), (4, 5)),             # the same name once more
    ("a = x  # SM-1\nb = a\na = a + 1\nc = b  # SM-2", (2, 2), (3, 5)),             # something between
    ("a = x  # SM-1\na = a + 1  # SM-2", (2, 2), (3, 3)),                           # a tag of its own
    ("for i in x:\n    a = i  # SM-1\n    b = a\nc = b  # SM-2", (2, 4), (5, 5)),   # the loop that it ends
    ("for i in x:\n    a = i  # SM-1\n    b = a  # SM-2\nreturn b", (2, 3), (4, 5)),  # one with two tags
    ("try:\n    a = x\nexcept OSError:\n    a = 1  # SM-1\n    b = 2  # SM-2", (2, 5), (6, 6)),
    ("with x:\n    a = 1  # SM-1\n    a += 1\n    b = 2  # SM-2", (2, 4), (5, 5)),
    ("match x:\n    case 1:\n        a = 1  # SM-1\n        a += 1\n        b = 2  # SM-2", (2, 5), (6, 6)),
    ("def inner(y):\n    a = y  # SM-1\n    a += 1\n    return a\nb = 2  # SM-2", (2, 5), (6, 6)),
    ("check_floats(x=x)  # SM-1\nb = 2  # SM-2", (2, 2), (3, 3)),                   # it only refuses
    ("a = x\n# SM-1\nb = 2  # SM-2", (2, 3), (4, 4)),                               # a comment alone
])
def test_how_far_a_tag_reaches(body, first, second, codes):
    found = codes("def forward(x):\n" + "".join(f"    {line}\n" for line in body.splitlines()))
    assert [(each.first, each.last) for each in found.values()] == [first, second]


def test_a_branch_that_raises_is_left_out_but_not_one_that_does_more(codes):
    found = codes("def forward(x):\n    if x:\n        raise ValueError\n    else:\n        x = 1\n"
                  "    if x:\n        raise ValueError\n    a = x  # SM-1\n")
    assert found["SM-1"].text == "if x:\n    raise ValueError\nelse:\n    x = 1\na = x"


@pytest.mark.parametrize("text, said", [
    ("def f(x):\n    a = x  # SM-1\n    a = x  # SM-1\n", r"small\.py:3: SM-1 stands in line 2, too; "),
    ("def f(x):\n    a = x  # SM-1\n\n\ndef g(x):\n    return x  # SM-1\n", r"small\.py:6: SM-1 stands in line 2, too"),
    ("K = 1  # SM-1\n\n\ndef f(x):\n    a = x  # SM-2\n", r"small\.py:1: SM-1 is in no body of a function; allowed: "),
    ("def f(x):\n    '''Return x.\n\n    # SM-1\n    '''\n    return x\n", r"small\.py:4: SM-1 is in no body of a function"),
])
def test_a_tag_in_a_wrong_place_is_refused(text, said, codes):
    with pytest.raises(ValueError, match=f"reference/{said}"):
        codes(text)


def test_a_file_without_tags_has_no_code(codes):
    assert codes("def f(x):\n    return x\n") == {}
