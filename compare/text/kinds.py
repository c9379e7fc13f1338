"""The kinds of tokenizers: made for a text, or from what a checkpoint holds."""

from .bpe import BPETokenizer, train_bpe
from .gpt2_files import load_gpt2
from .tokenizers import ByteTokenizer, CharTokenizer, in_short

CLASSES = {cls.kind: cls for cls in (CharTokenizer, ByteTokenizer, BPETokenizer)}


def make(kind, text, merges, gpt2_folder):
    """Return the tokenizer of a kind, trained on the text where it needs to be."""
    if kind == "bytes":
        return ByteTokenizer()
    if kind == "bpe":
        return train_bpe(text, merges)
    if kind == "gpt2":
        return load_gpt2("." if gpt2_folder is None else gpt2_folder)
    return CharTokenizer(text)


def from_dict(d):
    """Return the tokenizer that to_dict wrote, from data that need not be trusted.

    Raises ValueError for anything that to_dict can't have written.
    """
    kind = d.get("kind") if isinstance(d, dict) else None
    if not isinstance(kind, str) or kind not in CLASSES:
        raise ValueError(f"tokenizer is {in_short(d)}; "
                         f"allowed: a dictionary of one of the kinds {', '.join(CLASSES)}")
    for name, form in CLASSES[kind].fields.items():
        if not isinstance(d.get(name), form):
            raise ValueError(f"{name} is {in_short(d.get(name))}; allowed: a {form.__name__}")
    tokenizer = CLASSES[kind](**{name: d[name] for name in CLASSES[kind].fields})
    if tokenizer.to_dict() != d:  # a key too many, or characters out of order
        raise ValueError(f"tokenizer is {in_short(d)}; allowed: what to_dict writes")
    return tokenizer
