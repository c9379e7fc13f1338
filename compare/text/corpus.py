"""Text: the corpus, the split, the batches, and the bigram baseline."""

import codecs
import sys
from pathlib import Path

import numpy as np


STDIN = "-"  # the path of standard input


def read_text(path=None, name="text"):
    """Return the text of a UTF-8 file, or of Python's own language reference without a path.

    A byte order mark at the start is no part of it. Raises ValueError for a file that is missing
    or not UTF-8; the sentence calls it by name.
    """
    if path is None:
        try:
            from pydoc_data.topics import topics
        except ImportError:
            raise ValueError("text is not given, and this Python lacks pydoc_data.topics; "
                             "allowed: --text FILE") from None
        return "\n".join(topics[name] for name in sorted(topics))
    try:
        return decoded(standard_input() if path == STDIN else Path(path).read_bytes())
    except ValueError as error:
        reason = error
    except OSError as error:
        reason = f"which can't be read ({error.strerror})"
    raise ValueError(f"{name} is {one_line(path)}, {reason}; allowed: a UTF-8 file")


def standard_input():
    """Return the bytes of standard input to its end."""
    if sys.stdin is None:
        raise ValueError("but there is no standard input")
    return sys.stdin.buffer.read()


def decoded(content):
    """Return the text of the bytes of a file; raises ValueError that says why there is none."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ValueError("which begins with the byte order mark of UTF-16")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"whose byte {error.start} is not UTF-8") from None
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def one_line(path):
    """Return a path as printable words, whatever characters its name has."""
    words = str(path)
    return words if words.isprintable() else ascii(words)


def usual_cut(length):
    """Return how many of so many tokens are for training where the rest is for validation."""
    return length * 9 // 10


def train_and_validation(ids, block_size):
    """Return the first 90% for training and the rest for validation.

    Raises ValueError if one of them is shorter than a block and its target.
    """
    cut = usual_cut(len(ids))
    parts = ids[:cut], ids[cut:]
    for name, part in zip(("training", "validation"), parts):
        if len(part) <= block_size:
            raise ValueError(
                f"text has {len(ids)} tokens, {len(part)} of them in the {name} part; "
                f"allowed: at least block_size + 1 = {block_size + 1} in each part")
    return parts


def batches(ids, *, block_size, batch_size, rng):
    """Yield (tokens, targets), both (B, T), without end, from random places of ids."""
    offsets = np.arange(block_size)
    while True:
        starts = rng.integers(0, len(ids) - block_size, batch_size)
        places = starts[:, None] + offsets                       # (B, T)
        yield ids[places], ids[places + 1]


def windows(ids, *, block_size, batch_size):
    """Yield (tokens, targets) that cover ids once, in order: batches of whole blocks, (B, T), then
    what fills no block, (1, t)."""
    whole = (len(ids) - 1) // block_size * block_size
    tokens, targets = (part.reshape(-1, block_size)              # (N, T)
                       for part in (ids[:whole], ids[1 : whole + 1]))
    for start in range(0, len(tokens), batch_size):
        yield tokens[start : start + batch_size], targets[start : start + batch_size]
    if whole < len(ids) - 1:
        yield ids[None, whole:-1], ids[None, whole + 1 :]


def bigram_loss(train, valid, vocab_size):
    """Return the mean loss on valid of a table of pairs counted on train, one added to each.

    Only the pairs that come are held: the memory grows with the text, not with vocab_size ** 2.
    """
    seen, counts = np.unique(numbered_pairs(train, vocab_size), return_counts=True)  # (P,)
    asked = numbered_pairs(valid, vocab_size)                    # (T - 1,)
    places = np.searchsorted(seen, asked).clip(max=len(seen) - 1)
    together = np.where(seen[places] == asked, counts[places], 0)
    first = np.bincount(train[:-1], minlength=vocab_size)[valid[:-1]]
    return -float(np.log((together + 1) / (first + vocab_size)).mean())


def numbered_pairs(ids, vocab_size):
    """Return a number for each pair of neighbours, the same for the same pair: (T,) -> (T - 1,)."""
    return ids[:-1] * vocab_size + ids[1:]
