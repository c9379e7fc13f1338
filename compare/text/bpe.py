"""Byte-level BPE: the tokenizer, and how it is trained."""

import functools
import heapq
import re
import sys
import unicodedata
from collections import Counter, defaultdict

import numpy as np

from .tokenizers import END, Tokenizer, are_ids, check_not_empty, in_short, utf8

LONGEST = 256           # bytes of a token: n merges could else ask for 2**n of them
MOST = 2**16 - 256      # merges: the ids fit 16 bits, and GPT-2 has 50,000
GAP, GONE = -1, -2      # in a Chain: the end of a word, and a place that a merge emptied


class BPETokenizer(Tokenizer):
    """Byte-level BPE: ids for the first specials, then bytes, then merges, then the other specials.

    merges holds pairs of ids, each id older than the token that the pair makes. alphabet holds
    the bytes in the order of their ids; one that it lacks is left out of a text. specials names
    the tokens that no merge makes, and first is how many of them are in front. rule says how a
    text is cut into words, end names the special that ends a text. Raises ValueError for
    anything else. Sources: Sennrich, Haddow and Birch 2016, algorithm 1; over bytes as in Radford
    et al. 2019, section 2.2.
    """

    kind, fields = "bpe", {"alphabet": list, "merges": list, "specials": list}
    more = {"rule": "gpt2", "first": 0, "end": END}

    def __init__(self, merges, alphabet=range(256), specials=(), rule="gpt2", first=0, end=END):
        alphabet, specials = list(alphabet), list(specials)
        if not are_ids(alphabet) or sorted(set(alphabet) & set(range(256))) != sorted(alphabet):
            raise ValueError(f"alphabet is {in_short(alphabet)}; "
                             "allowed: numbers from 0 to 255, each once at most")
        if rule not in RULES:
            raise ValueError(f"rule is {in_short(rule)}; allowed: {', '.join(RULES)}")
        if type(first) is not int or not 0 <= first <= len(specials):
            raise ValueError(f"first is {in_short(first)}; allowed: 0 to {len(specials)} specials")
        self.alphabet, self.rule, self.first, self.end = alphabet, rule, first, end
        self.tokens, self.specials = [], {}  # the bytes of each id; name -> id
        for name in specials[:first]:
            self.add_special(name)
        self.id_of_byte = {byte: first + i for i, byte in enumerate(alphabet)}
        self.tokens += [bytes([byte]) for byte in alphabet]
        self.merges = {}  # pair -> the id it makes, which is also the order of the merges
        for pair in merges:
            self.add_merge(pair)
        for name in specials[first:]:
            self.add_special(name)

    def add_merge(self, pair):
        """Append the token that a pair of ids makes."""
        k, new = len(self.merges), self.vocab_size
        if k == MOST:
            raise ValueError(f"merges holds more than {MOST}; allowed: up to {MOST}")
        if not (isinstance(pair, (list, tuple)) and len(pair) == 2 and are_ids(pair)
                and 0 <= min(pair) and max(pair) < new and tuple(pair) not in self.merges):
            raise ValueError(f"merges[{k}] is {in_short(pair)}; "
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
            raise ValueError(f"specials holds {in_short(name)}; allowed: different names, none "
                             "empty")
        self.specials[name] = self.vocab_size
        self.tokens.append(utf8(name))

    def encode(self, text, *, specials=False):
        """Return ids (T,); with specials, a special's name in the text becomes its one id.

        Raises ValueError for a lone surrogate.
        """
        found = {name: [i] for name, i in self.specials.items()} if specials else {}
        words = words_of(text, found, self.rule)
        # each is encoded once, however often it comes
        different = [word for word in dict.fromkeys(words) if word not in found]
        found.update(zip(different, self.encode_words(different)))
        return np.fromiter((i for word in words for i in found[word]), np.int64)

    def encode_words(self, words):
        """Return the ids of each word: of the merges that fit, always the oldest first."""
        id_of = self.id_of_byte
        chain = Chain([[id_of[byte] for byte in utf8(word) if byte in id_of] for word in words])
        heap = sorted((self.merges[pair], pair) for pair in chain.places if pair in self.merges)
        while heap:
            new, pair = heapq.heappop(heap)
            for born in chain.merge(pair, new):
                if born in self.merges:
                    heapq.heappush(heap, (self.merges[born], born))
        return chain.words()

    def to_dict(self):
        more = {name: getattr(self, name) for name in self.more}
        return {"kind": self.kind, "alphabet": list(self.alphabet),
                "merges": [list(pair) for pair in self.merges], "specials": list(self.specials)
                } | {name: value for name, value in more.items() if value != self.more[name]}


def train_bpe(text, merges=1000, specials=(), tell=None):
    """Return a BPETokenizer of the pairs that come most often in text, one merge at a time.

    A tie goes to the pair of the smaller ids. There are fewer merges than asked for where no
    pair is left that comes twice. The names of specials are no part of what is counted. tell is
    called after each merge with how many are made. Raises ValueError for a text that is empty or
    holds a lone surrogate, and for merges that is not a whole number from 0 to 65,280.
    """
    check_not_empty(text)
    if type(merges) is not int or not 0 <= merges <= MOST:
        raise ValueError(f"merges is {in_short(merges)}; allowed: a whole number from 0 to {MOST}")
    counts = Counter(words_of(text, specials))
    for name in specials:
        del counts[name]
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
        if tell:
            tell(len(tokenizer.merges))
    for name in specials:
        tokenizer.add_special(name)
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
        words = [[]]
        for i in self.ids:
            if i == GAP:
                words.append([])
            elif i != GONE:
                words[-1].append(i)
        return words[:-1]


def words_of(text, specials=(), rule="gpt2"):
    """Return the words of text by a rule, the names of specials uncut; joined, the text."""
    if not specials:
        return RULES[rule](text)
    names = sorted(specials, key=len, reverse=True)  # of two that fit, the longer
    parts = re.split(f"({'|'.join(map(re.escape, names))})", text)
    return [word for part in parts for word in ([part] if part in specials else RULES[rule](part))]


def gpt2_words(text):
    """Return the words of text by GPT-2's rule."""
    return pattern().findall(text)


def smollm_words(text):
    """Return the words by SmolLM's rule: each number character alone, GPT-2's rule on the rest.

    Source: the two steps Digits and ByteLevel of its tokenizer.json.
    """
    parts = re.split(f"([{categories()['N']}])", text)
    return [word for part in parts for word in gpt2_words(part)]


RULES = {"gpt2": gpt2_words, "smollm": smollm_words}


@functools.cache
def pattern():
    """Return GPT-2's splitting rule, written for the regex package, as the standard re has it.

    \\p{L} and \\p{N} are spelled out from unicodedata, in the Unicode version of this Python. \\s
    is the property White_Space in regex; in re it holds \\x1c .. \\x1f besides, so it is in_words
    out too. Source: openai/gpt-2, src/encoder.py.
    """
    letters, numbers = categories()["L"], categories()["N"]
    space = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
    return re.compile(f"'s|'t|'re|'ve|'m|'ll|'d| ?[{letters}]+| ?[{numbers}]+"
                      f"| ?[^{space}{letters}{numbers}]+|[{space}]+(?![^{space}])|[{space}]+")


@functools.cache
def categories():
    """Return the characters of the categories L and N, as re writes them between brackets."""
    found = map(unicodedata.category, map(chr, range(sys.maxunicode + 1)))
    major = "".join(found)[::2]  # the first letter of each category: L, N, Z, ...
    return {kind: "".join(f"\\U{run.start():08x}-\\U{run.end() - 1:08x}"
                          for run in re.finditer(f"{kind}+", major)) for kind in "LN"}
