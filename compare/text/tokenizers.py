"""Tokenizers: characters, bytes, and byte-level BPE, trained here or loaded from GPT-2's files.

A tokenizer is a list of byte strings, one for each id, and a way to cut a text into them.
"""

import codecs
import functools
import heapq
import itertools
import json
import operator
import re
import reprlib
import sys
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

LONGEST = 256           # bytes of a token: n merges could else ask for 2**n of them
MOST = 2**16 - 256      # merges: the ids fit 16 bits, and GPT-2 has 50,000
GAP, GONE = -1, -2      # in a Chain: the end of a word, and a place that a merge emptied


class Tokenizer:
    """What all share: the way from ids back to text, through tokens, the bytes of each id."""

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
            raise ValueError(f"ids holds {shown(i)}; "
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

    def encode(self, text):
        """Return ids (T,); raises ValueError for characters that the tokenizer never saw."""
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

    def encode(self, text):
        """Return ids (T,); raises ValueError for a lone surrogate."""
        return np.frombuffer(utf8(text), np.uint8).astype(np.int64)

    def to_dict(self):
        return {"kind": self.kind}


class BPETokenizer(Tokenizer):
    """Byte-level BPE: ids 0 .. 255 are bytes, id 256 + k is made by merge k, then the specials.

    merges holds pairs of ids, each id older than the token that the pair makes; alphabet the 256
    bytes in the order of their ids; specials the names of tokens that no merge makes. Raises
    ValueError for anything else. Sources: Sennrich, Haddow and Birch 2016, algorithm 1; over
    bytes as in Radford et al. 2019, section 2.2.
    """

    kind, fields = "bpe", {"alphabet": list, "merges": list, "specials": list}

    def __init__(self, merges, alphabet=range(256), specials=()):
        alphabet = list(alphabet)
        if not are_ids(alphabet) or sorted(alphabet) != list(range(256)):
            raise ValueError(f"alphabet is {shown(alphabet)}; allowed: each of 0 .. 255 once")
        self.tokens = [bytes([byte]) for byte in alphabet]
        self.id_of_byte = bytes(map(alphabet.index, range(256)))
        self.merges = {}  # pair -> the id it makes, which is also the order of the merges
        for pair in merges:
            self.add_merge(pair)
        self.specials = {}  # name -> id
        for name in specials:
            self.add_special(name)

    def add_merge(self, pair):
        """Append the token that a pair of ids makes."""
        k, new = len(self.merges), self.vocab_size
        if k == MOST:
            raise ValueError(f"merges holds more than {MOST}; allowed: up to {MOST}")
        if not (isinstance(pair, (list, tuple)) and len(pair) == 2 and are_ids(pair)
                and 0 <= min(pair) and max(pair) < new and tuple(pair) not in self.merges):
            raise ValueError(f"merges[{k}] is {shown(pair)}; "
                             f"allowed: two ids below {new} that no merge before it joins")
        token = b"".join(self.tokens[i] for i in pair)
        if len(token) > LONGEST:
            raise ValueError(f"merges[{k}] makes a token of {len(token)} bytes; "
                             f"allowed: up to {LONGEST}")
        self.merges[tuple(pair)] = new
        self.tokens.append(token)

    def add_special(self, name):
        """Append a token that only its name in the text makes, and only where asked for."""
        if not isinstance(name, str) or not name or name in self.specials:
            raise ValueError(f"specials holds {shown(name)}; allowed: different names, none empty")
        self.specials[name] = self.vocab_size
        self.tokens.append(utf8(name))

    def encode(self, text, *, specials=False):
        """Return ids (T,); with specials, a special's name in the text becomes its one id.

        Raises ValueError for a lone surrogate.
        """
        if specials and self.specials:
            names = sorted(self.specials, key=len, reverse=True)  # of two that fit, the longer
            parts = re.split("(" + "|".join(map(re.escape, names)) + ")", text)
            return np.concatenate([[self.specials[part]] if part in self.specials
                                   else self.encode(part) for part in parts])
        words = split(text)
        different = list(dict.fromkeys(words))  # each is encoded once, however often it comes
        found = dict(zip(different, self.encode_words(different)))
        return np.fromiter((i for word in words for i in found[word]), np.int64)

    def encode_words(self, words):
        """Return the ids of each word: of the merges that fit, always the oldest first."""
        chain = Chain([utf8(word).translate(self.id_of_byte) for word in words])
        heap = sorted((self.merges[pair], pair) for pair in chain.places if pair in self.merges)
        while heap:
            new, pair = heapq.heappop(heap)
            for born in chain.merge(pair, new):
                if born in self.merges:
                    heapq.heappush(heap, (self.merges[born], born))
        return chain.words()

    def to_dict(self):
        return {"kind": self.kind, "alphabet": [token[0] for token in self.tokens[:256]],
                "merges": [list(pair) for pair in self.merges], "specials": list(self.specials)}


def from_dict(d):
    """Return the tokenizer that to_dict wrote, from data that need not be trusted.

    Raises ValueError for anything that to_dict can't have written.
    """
    kinds = {cls.kind: cls for cls in (CharTokenizer, ByteTokenizer, BPETokenizer)}
    kind = d.get("kind") if isinstance(d, dict) else None
    if not isinstance(kind, str) or kind not in kinds:
        raise ValueError(f"tokenizer is {shown(d)}; "
                         f"allowed: a dictionary of one of the kinds {', '.join(kinds)}")
    for name, form in kinds[kind].fields.items():
        if not isinstance(d.get(name), form):
            raise ValueError(f"{name} is {shown(d.get(name))}; allowed: a {form.__name__}")
    tokenizer = kinds[kind](**{name: d[name] for name in kinds[kind].fields})
    if tokenizer.to_dict() != d:  # a key too many, or characters out of order
        raise ValueError(f"tokenizer is {shown(d)}; allowed: what to_dict writes")
    return tokenizer


def train_bpe(text, merges=1000):
    """Return a BPETokenizer of the pairs that come most often in text, one merge at a time.

    A tie goes to the pair of the smaller ids. There are fewer merges than asked for where no
    pair is left that comes twice. Raises ValueError for a text that is empty or holds a lone
    surrogate, and for merges that is not a whole number from 0 to 65,280.
    """
    check_not_empty(text)
    if type(merges) is not int or not 0 <= merges <= MOST:
        raise ValueError(f"merges is {shown(merges)}; allowed: a whole number from 0 to {MOST}")
    counts = Counter(split(text))
    words = [utf8(word) for word in counts]
    chain = Chain(words)
    weights = [n for word, n in zip(words, counts.values()) for _ in range(len(word) + 1)]

    def count(pair):
        return sum(weights[i] for i in chain.standing(pair))

    tokenizer = BPETokenizer([])
    heap = sorted((-count(pair), pair) for pair in chain.places)
    while heap and len(tokenizer.merges) < merges:
        bound, pair = heapq.heappop(heap)
        n = count(pair)  # after its birth a pair only grows rarer, so that the heap holds bounds
        if n < 2 or sum(len(tokenizer.tokens[i]) for i in pair) > LONGEST:
            continue
        if n < -bound:
            heapq.heappush(heap, (-n, pair))
            continue
        new = tokenizer.vocab_size
        tokenizer.add_merge(pair)
        for born in chain.merge(pair, new):
            heapq.heappush(heap, (-count(born), born))
    return tokenizer


class Chain:
    """Words as one linked list of ids, and the places of each pair: a merge visits only those.

    A place stays on the list of its pair when a merge beside it breaks the pair there: then it no
    longer stands. All places of a pair are noted in one pass from the left, the one that makes
    its newer id, so that each list is in order.
    """

    def __init__(self, words):
        self.ids = [i for word in words for i in (*word, GAP)]
        self.after = list(range(1, len(self.ids) + 1))
        self.before = list(range(-1, len(self.ids) - 1))  # -1 is the GAP at the end
        self.places = defaultdict(list)
        for place, pair in enumerate(zip(self.ids, self.ids[1:])):
            if GAP not in pair:
                self.places[pair].append(place)

    def standing(self, pair):
        """Return the places where the pair still stands."""
        left, right = pair
        self.places[pair] = [i for i in self.places[pair]
                             if self.ids[i] == left and self.ids[self.after[i]] == right]
        return self.places[pair]

    def merge(self, pair, new):
        """Put the id new for each pair that stands, from the left; return the pairs born."""
        ids, after, before, born = self.ids, self.after, self.before, set()
        for i in self.standing(pair):
            if ids[i] == GONE:
                continue  # in "aaa" the first "aa" took the left of the second
            j = after[i]
            h, k = before[i], after[j]
            ids[i], ids[j], after[i], before[k] = new, GONE, k, i
            for place, neighbours in (h, (ids[h], new)), (i, (new, ids[k])):
                if GAP not in neighbours:
                    self.places[neighbours].append(place)
                    born.add(neighbours)
        del self.places[pair]
        return born

    def words(self):
        """Return the ids of each word."""
        runs = itertools.groupby(self.ids, GAP.__ne__)
        return [[i for i in run if i != GONE] for inside, run in runs if inside]


def split(text):
    """Return the words of text by GPT-2's rule; joined, they are the text."""
    return pattern().findall(text)


@functools.cache
def pattern():
    """Return GPT-2's splitting rule, written for the regex package, as the standard re has it.

    \\p{L} and \\p{N} are spelled out from unicodedata, in the Unicode version of this Python. \\s
    is the property White_Space in regex; in re it holds \\x1c .. \\x1f besides, so it is spelled
    out too. Source: openai/gpt-2, src/encoder.py.
    """
    categories = map(unicodedata.category, map(chr, range(sys.maxunicode + 1)))
    major = "".join(categories)[::2]  # the first letter of each category: L, N, Z, ...
    letters, numbers = ("".join(f"\\U{run.start():08x}-\\U{run.end() - 1:08x}"
                                for run in re.finditer(f"{kind}+", major)) for kind in "LN")
    space = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
    return re.compile(f"'s|'t|'re|'ve|'m|'ll|'d| ?[{letters}]+| ?[{numbers}]+"
                      f"| ?[^{space}{letters}{numbers}]+|[{space}]+(?![^{space}])|[{space}]+")


def load_gpt2(merges, encoder=None):
    """Return GPT-2's BPETokenizer from vocab.bpe and encoder.json, or from their folder alone.

    Raises ValueError for files that are missing, malformed or don't fit together.
    """
    if encoder is None:
        merges, encoder = Path(merges) / "vocab.bpe", Path(merges) / "encoder.json"
    ids = read_encoder(encoder)
    names = sorted(ids, key=ids.get)
    header, *lines = read("merges", merges).removesuffix("\n").split("\n")
    if not header.startswith("#version"):
        raise ValueError(f"line 1 of {merges} is {shown(header)}; allowed: #version and a number")
    pairs = []
    for new, line in enumerate(lines, 256):
        left, _, right = line.partition(" ")
        pair = ids.get(left, new), ids.get(right, new)
        if max(pair) >= new or ids.get(left + right) != new:
            raise ValueError(f"line {new - 254} of {merges} is {shown(line)}; allowed: two "
                             f"tokens of {encoder} that join to the token of id {new}")
        pairs.append(pair)
    specials = names[256 + len(pairs):]
    if specials != ["<|endoftext|>"]:
        raise ValueError(f"{merges} has {len(pairs)} merges, after which {encoder} has "
                         f"{shown(specials)}; allowed: <|endoftext|> alone")
    bytes_of = printable_bytes()
    return BPETokenizer(pairs, [bytes_of[name] for name in names[:256]], specials)


def read_encoder(path):
    """Return encoder.json, {name: id}, where the ids are 0, 1, 2, ... and the bytes come first."""
    text = read("encoder", path)
    try:
        ids = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"encoder is {path}, which is not JSON ({error}); "
                         "allowed: GPT-2's encoder.json") from None
    if (not isinstance(ids, dict) or not are_ids(ids.values())
            or sorted(ids.values()) != list(range(len(ids)))
            or any(ids.get(name, 256) >= 256 for name in printable_bytes())):
        raise ValueError(f"encoder is {path}, which holds {shown(ids)}; allowed: tokens with the "
                         "ids 0, 1, 2, ..., each once, and the 256 bytes first")
    return ids


def printable_bytes():
    """Return {character: byte}, GPT-2's way to write any bytes as visible text.

    A byte that Latin-1 shows as a visible character stands for itself. The other 68 (controls,
    both spaces, the soft hyphen) take the characters from 256 on, in order.
    """
    visible = [byte for byte in range(256) if chr(byte).isprintable() and byte != ord(" ")]
    others = [byte for byte in range(256) if byte not in visible]
    return ({chr(byte): byte for byte in visible}
            | {chr(256 + n): byte for n, byte in enumerate(others)})


def read(name, path):
    """Return the text of a file; raises ValueError for one that is missing or not UTF-8."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", "not UTF-8")
        raise ValueError(f"{name} is {path}, which can't be read ({reason}); "
                         "allowed: a UTF-8 file") from None


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


def shown(value):
    """Return a value in short, in ASCII, whatever its size or depth."""
    try:
        return reprlib.repr(value).encode("ascii", "backslashreplace").decode("ascii")
    except ValueError:  # Python refuses to write an int of more than 4,300 digits
        return "too long a number"
