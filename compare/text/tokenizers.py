"""Tokenizers of characters and of bytes, and what all tokenizers share.

A tokenizer is a list of byte strings, one for each id, and a way to cut a text into them. Some
have specials, tokens that no text makes but by their names, and only where that is asked for.
"""

import codecs
import operator
import reprlib

import numpy as np

END = "<|endoftext|>"  # the special that ends a document of ours


class Tokenizer:
    """What all share: the way from ids back to text, through tokens, the bytes of each id."""

    specials = {}  # name: id
    end = END      # the name of the special that ends a text, where there is one
    more = {}      # fields of its dictionary that are left out where they have these values

    @property
    def vocab_size(self):
        return len(self.tokens)

    def token(self, i):
        """Return the bytes of one id; raises ValueError for one out of range."""
        try:
            place = operator.index(i)
        except TypeError:
            place = -1
        if not 0 <= place < self.vocab_size:
            raise ValueError(f"ids holds {in_short(i)}; "
                             f"allowed: whole numbers from 0 to {self.vocab_size - 1}")
        return self.tokens[place]

    def decode(self, ids):
        """Return the text of ids (T,), with U+FFFD for what is not UTF-8."""
        return b"".join(map(self.token, ids)).decode("utf-8", "replace")

    def stream(self, ids):
        """Yield the text of ids as they come, each character with its last byte."""
        return codecs.iterdecode(map(self.token, ids), "utf-8", "replace")


class CharTokenizer(Tokenizer):
    """One id for each character of a text, in the order of their code points.

    Raises ValueError for a text that is empty or holds a lone surrogate.
    """

    kind, fields = "characters", {"characters": str}

    def __init__(self, characters):
        check_not_empty(characters)
        self.characters = sorted(set(characters))
        self.ids = {character: i for i, character in enumerate(self.characters)}
        self.tokens = [utf8(character) for character in self.characters]

    def encode(self, text, *, specials=False):
        """Return ids (T,), with specials the same: it has none.

        Raises ValueError for characters that the tokenizer never saw.
        """
        try:
            return np.array([self.ids[character] for character in text], dtype=np.int64)
        except KeyError:
            unseen = sorted(set(text) - set(self.ids))
        noun = "character" if len(unseen) == 1 else "characters"
        more = f" and {len(unseen) - 3} more" if len(unseen) > 3 else ""
        raise ValueError(f"text holds the {noun} {', '.join(map(ascii, unseen[:3]))}{more}; "
                         f"allowed: the {self.vocab_size} characters of the training text")

    def to_dict(self):
        return {"kind": self.kind, "characters": "".join(self.characters)}


class ByteTokenizer(Tokenizer):
    """The 256 bytes of UTF-8: the id is the byte."""

    kind, fields = "bytes", {}

    def __init__(self):
        self.tokens = [bytes([i]) for i in range(256)]

    def encode(self, text, *, specials=False):
        """Return ids (T,), with specials the same: it has none.

        Raises ValueError for a lone surrogate.
        """
        return np.frombuffer(utf8(text), np.uint8).astype(np.int64)

    def to_dict(self):
        return {"kind": self.kind}


def utf8(text):
    """Return the bytes of text; raises ValueError for a lone surrogate, which has none."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"text holds the lone surrogate {ascii(text[error.start])}; "
                         "allowed: characters that UTF-8 can write") from None


def check_not_empty(text):
    if not text:
        raise ValueError("text is empty; allowed: at least one character")


def are_ids(values):
    return all(type(value) is int for value in values)  # True and 1.0 are not


def in_short(value):
    """Return a value in short, in ASCII, whatever its size or depth."""
    try:
        return reprlib.repr(value).encode("ascii", "backslashreplace").decode("ascii")
    except ValueError:  # Python refuses to write an int of more than 4,300 digits
        return "too long a number"
