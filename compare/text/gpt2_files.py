"""GPT-2's tokenizer, from the two files that were published with it."""

import json
from pathlib import Path

from .bpe import BPETokenizer
from .tokenizers import END, are_ids, in_short

LONGEST_FILE = 2**21  # characters; GPT-2's encoder.json has half as many


def load_gpt2(merges, encoder=None):
    """Return GPT-2's BPETokenizer from vocab.bpe and encoder.json, or from their folder alone.

    Raises ValueError for files that are missing, malformed or don't fit together.
    """
    if encoder is None:
        merges, encoder = Path(merges) / "vocab.bpe", Path(merges) / "encoder.json"
    ids = read_encoder(encoder)
    names = sorted(ids, key=ids.get)
    header, *lines = read_utf8("merges", merges).removesuffix("\n").split("\n")
    if not header.startswith("#version"):
        raise ValueError(f"line 1 of {merges} is {in_short(header)}; allowed: #version and a "
                         "number")
    pairs = []
    for new, line in enumerate(lines, 256):
        left, _, right = line.partition(" ")
        pair = pair_of(ids, left, right, new)
        if pair is None:
            raise ValueError(f"line {new - 254} of {merges} is {in_short(line)}; allowed: two "
                             f"tokens of {encoder} that join to the token of id {new}")
        pairs.append(pair)
    specials = names[256 + len(pairs):]
    if specials != [END]:
        raise ValueError(f"{merges} has {len(pairs)} merges, after which {encoder} has "
                         f"{in_short(specials)}; allowed: {END} alone")
    bytes_of = printable_bytes()
    return BPETokenizer(pairs, [bytes_of[name] for name in names[:256]], specials)


def read_encoder(path):
    """Return encoder.json, {name: id}, where the ids are 0, 1, 2, ... and the bytes come first."""
    ids = read_json("encoder", path, "GPT-2's encoder.json", LONGEST_FILE)
    if (not isinstance(ids, dict) or not are_ids(ids.values())
            or sorted(ids.values()) != list(range(len(ids)))
            or any(ids.get(name, 256) >= 256 for name in printable_bytes())):
        raise ValueError(f"encoder is {path}, which holds {in_short(ids)}; allowed: tokens with "
                         "the ids 0, 1, 2, ..., each once, and the 256 bytes first")
    return ids


def pair_of(ids, left, right, new):
    """Return the ids of two older names that join to the name of the id new, or None."""
    pair = ids.get(left, new), ids.get(right, new)
    return pair if max(pair) < new and ids.get(left + right) == new else None


def printable_bytes():
    """Return {character: byte}, GPT-2's way to write any bytes as visible text.

    A byte that Latin-1 shows as a visible character stands for itself. The other 68 (controls,
    both spaces, the soft hyphen) take the characters from 256 on, in order.
    """
    visible = [byte for byte in range(256) if chr(byte).isprintable() and byte != ord(" ")]
    others = [byte for byte in range(256) if byte not in visible]
    return ({chr(byte): byte for byte in visible}
            | {chr(256 + n): byte for n, byte in enumerate(others)})


def read_json(name, path, allowed, longest):
    """Return what a file of JSON says; raises ValueError for a file that is none, or too long."""
    text = read_utf8(name, path, longest)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name} is {path}, which is not JSON ({error}); "
                         f"allowed: {allowed}") from None


def read_utf8(name, path, longest=LONGEST_FILE):
    """Return the text of a file after its byte order mark, if it has one.

    Raises ValueError for a file that is missing, not UTF-8 or too long.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read(longest + 1)
        if len(text) <= longest:
            return text
        reason = f"it has more than {longest} characters, twice what is needed"
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", "not UTF-8")
    raise ValueError(f"{name} is {path}, which can't be read ({reason}); allowed: a UTF-8 file")
