"""GPT-2's tokenizer files in small, as the tests write them."""

import json

from compare.text import gpt2_files
from compare.text.tokenizers import END


def write_gpt2(folder, tokenizer, *, names=None, lines=None):
    """Write a trained tokenizer as GPT-2 writes its own; names and lines are put in its place."""
    symbol = {byte: character for character, byte in gpt2_files.printable_bytes().items()}
    written = ["".join(symbol[byte] for byte in token) for token in tokenizer.tokens]
    ids = {name: i for i, name in enumerate([*written, END])} | (names or {})
    pairs = [f"{written[left]} {written[right]}" for left, right in tokenizer.merges]
    (folder / "encoder.json").write_text(json.dumps(ids), encoding="utf-8")
    (folder / "vocab.bpe").write_text("\n".join(lines or ["#version: 0.2", *pairs]) + "\n",
                                      encoding="utf-8")
