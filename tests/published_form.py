"""Tokenizers in small in the forms that others publish, as the tests write them."""

import copy

import numpy as np

from compare.text import gpt2_files
from compare.text.bpe import BPETokenizer

DIGITS = {"type": "Digits", "individual_digits": True}
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
PRE_TOKENIZER = {"gpt2": BYTES, "smollm": {"type": "Sequence", "pretokenizers": [DIGITS, BYTES]}}

MERGES = [(b" ", b"t"), (b"h", b"e"), (b" t", b"he"), (b"i", b"n"), (b"a", b"b"), (b"ab", b"c"),
          (b"1", b"2"), (b" ", b"1"), (b" ", b" ")]
LACKING = b"\x04\xf1Q"  # bytes that the small tokenizer has no token for


def small(rule="smollm", specials=("<|endoftext|>", "<|im_end|>", "<|im_end|>>")):
    """A tokenizer in the form of SmolLM2's: specials in front, here one behind, bytes lacking."""
    alphabet = [byte for byte in range(255, -1, -1) if byte not in LACKING]
    ids = {bytes([byte]): 2 + i for i, byte in enumerate(alphabet)}
    for left, right in MERGES:
        ids[left + right] = 2 + len(ids)
    pairs = [(ids[left], ids[right]) for left, right in MERGES]
    return BPETokenizer(pairs, alphabet, specials, rule, 2, "<|im_end|>")


def names_of(tokenizer):
    """The name of each id, as GPT-2 writes bytes."""
    symbol = {byte: name for name, byte in gpt2_files.printable_bytes().items()}
    special = {i: name for name, i in tokenizer.specials.items()}
    return [special.get(i) or "".join(symbol[byte] for byte in token)
            for i, token in enumerate(tokenizer.tokens)]


def json_form(tokenizer):
    """The tokenizer as the object of a tokenizer.json."""
    names = names_of(tokenizer)
    flags = dict.fromkeys(["single_word", "lstrip", "rstrip", "normalized"], False)
    return {
        "version": "1.0", "truncation": None, "padding": None, "normalizer": None,
        "added_tokens": [{"id": i, "content": name, "special": True} | flags
                         for name, i in tokenizer.specials.items()],
        "pre_tokenizer": copy.deepcopy(PRE_TOKENIZER[tokenizer.rule]), "post_processor": None,
        "decoder": dict(BYTES),
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "byte_fallback": False,
                  "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": False,
                  "ignore_merges": False, "vocab": {name: i for i, name in enumerate(names)},
                  "merges": [f"{names[left]} {names[right]}" for left, right in tokenizer.merges]}}


def metadata_form(tokenizer):
    """The tokenizer as the metadata of a GGUF file."""
    names = names_of(tokenizer)
    return {
        "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.add_bos_token": False,
        "tokenizer.ggml.pre": {"gpt2": "gpt-2"}.get(tokenizer.rule, tokenizer.rule),
        "tokenizer.ggml.tokens": names, "tokenizer.ggml.eos_token_id": names.index(tokenizer.end),
        "tokenizer.ggml.token_type": np.int32([3 if name in tokenizer.specials else 1
                                               for name in names]),
        "tokenizer.ggml.merges": [f"{names[left]} {names[right]}"
                                  for left, right in tokenizer.merges]}
