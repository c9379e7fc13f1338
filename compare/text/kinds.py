"""The kinds of tokenizers: made for a text, or from what a checkpoint holds."""

from .bpe import BPETokenizer, train_bpe
from .documents import joined
from .gpt2_files import load_gpt2
from .tokenizers import END, ByteTokenizer, CharTokenizer, in_short

CLASSES = {cls.kind: cls for cls in (CharTokenizer, ByteTokenizer, BPETokenizer)}
ALPHABET = list(range(256))  # of bpe, until GPT-2 has it in another order


def make(kind, documents, merges, gpt2_folder, tell=None):
    """Return the tokenizer of a kind, made for Documents where it needs to be.

    Merges are learnt from the training text alone; tell is called after each. A tokenizer of
    characters knows those of the validation text as well, which it could not encode otherwise.
    """
    if kind == "bytes":
        return ByteTokenizer()
    if kind == "bpe":
        ends = len(documents.training) > 1
        return train_bpe(joined(documents.training, ends), merges, [END] * ends, tell)
    if kind == "gpt2":
        return load_gpt2("." if gpt2_folder is None else gpt2_folder)
    return CharTokenizer("".join(joined(part, False) for part in documents if part))


def from_dict(d):
    """Return the tokenizer that to_dict wrote, from data that need not be trusted.

    Raises ValueError for anything that to_dict can't have written.
    """
    kind = d.get("kind") if isinstance(d, dict) else None
    if not isinstance(kind, str) or kind not in CLASSES:
        raise ValueError(f"tokenizer is {in_short(d)}; "
                         f"allowed: a dictionary of one of the kinds {', '.join(CLASSES)}")
    forms = CLASSES[kind].fields | {name: type(value) for name, value in CLASSES[kind].more.items()
                                    if name in d}
    for name, form in forms.items():
        if not isinstance(d.get(name), form):
            raise ValueError(f"{name} is {in_short(d.get(name))}; allowed: a {form.__name__}")
    tokenizer = CLASSES[kind](**{name: d[name] for name in forms})
    if tokenizer.to_dict() != d:  # a key too many, or characters out of order
        raise ValueError(f"tokenizer is {in_short(d)}; allowed: what to_dict writes")
    return tokenizer


def maker_of(d):
    """Return the kind that makes a tokenizer of such a dictionary: GPT-2 has an order of bytes."""
    return d.get("rule") or ("gpt2" if d.get("alphabet", ALPHABET) != ALPHABET else d["kind"])
