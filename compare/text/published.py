"""Tokenizers as others publish them: a GGUF file's metadata, and tokenizer.json.

Both hold byte-level BPE by the names that GPT-2 gave to bytes. What cuts a text in another way
than bpe.py can is refused, so that no text gets other ids than its own tokenizer gives it.
"""

from .bpe import BPETokenizer
from .gpt2_files import pair_of, printable_bytes, read_json
from .tokenizers import END, are_ids, in_short

LONGEST_JSON = 2**23                         # characters of a tokenizer.json, four times SmolLM2's
PRE = {"gpt-2": "gpt2", "smollm": "smollm"}  # llama.cpp's name of a rule: ours
NORMAL, CONTROL, USER, UNUSED = 1, 3, 4, 5   # llama.cpp's types of tokens

BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
DIGITS = {"type": "Digits", "individual_digits": True}
STEPS = {"gpt2": [BYTE_LEVEL], "smollm": [DIGITS, BYTE_LEVEL]}  # of the rule in a tokenizer.json
PLAIN = {  # what a tokenizer.json says of a model that bpe.py is
    "type": ("BPE",), "dropout": (None, 0.0), "continuing_subword_prefix": (None, ""),
    "end_of_word_suffix": (None, ""), "byte_fallback": (None, False),
    "ignore_merges": (None, False)}


def of_metadata(metadata):
    """Return the BPETokenizer that the metadata of a GGUF file describes.

    Raises ValueError for another kind, as SentencePiece is, or another rule.
    """
    def told(key, default=None):
        return metadata.get(f"tokenizer.ggml.{key}", default)

    for key, allowed in [("model", ["gpt2"]), ("pre", PRE), ("add_bos_token", [None, False]),
                         ("add_eos_token", [None, False]), ("add_space_prefix", [None, False])]:
        check_among(f"tokenizer.ggml.{key}", told(key), allowed)
    names, merges = told("tokens"), told("merges")
    for key, value in ("tokens", names), ("merges", merges):
        if not is_texts(value):
            raise ValueError(f"tokenizer.ggml.{key} is {in_short(value)}; allowed: a list of texts")
    types = getattr(told("token_type"), "tolist", list)()  # an array of numbers, or nothing
    if len(types) != len(names) or not {*types} <= {NORMAL, CONTROL, USER, UNUSED}:
        raise ValueError(f"tokenizer.ggml.token_type is {in_short(types)}; allowed: {NORMAL}, "
                         f"{CONTROL}, {USER} or {UNUSED} for each of {len(names)} tokens")
    while types and types[-1] == UNUSED:  # rows that fill up the table of the model
        types.pop()
    names = names[:len(types)]
    ids = {name: i for i, name in enumerate(names)}
    specials = [name for name, kind in zip(names, types) if kind != NORMAL]
    end = told("eos_token_id", ids.get(END))
    if end is not None and (type(end) is not int or not 0 <= end < len(names)):
        raise ValueError(f"tokenizer.ggml.eos_token_id is {in_short(end)}; "
                         f"allowed: 0 to {len(names) - 1}")
    return of_vocabulary(ids, [line.split(" ") for line in merges], specials, PRE[told("pre")],
                         END if end is None else names[end])


def load_json(path, end=END):
    """Return the BPETokenizer of a tokenizer.json; end is the token that ends a text.

    It is a name, an id, a list of ids whose first counts, or None for the usual name.

    Raises ValueError for a file that is missing or malformed, another kind, or another rule.
    """
    told = fields(read_json("tokenizer", path, "a tokenizer.json", LONGEST_JSON), "tokenizer")
    check_among("normalizer", told.get("normalizer"), [None])
    for part in "post_processor", "decoder":  # ByteLevel only undoes the names of bytes
        kind = told.get(part) and fields(told[part], part).get("type")
        check_among(f"{part}.type", kind, [None, "ByteLevel"])
    model = fields(told.get("model"), "model")
    for name, allowed in PLAIN.items():
        check_among(f"model.{name}", model.get(name), allowed)
    ids = dict(fields(model.get("vocab"), "model.vocab"))
    merges = [merge.split(" ") if isinstance(merge, str) else merge  # both forms are in use
              for merge in items(model.get("merges"), "model.merges")]
    specials = with_added(ids, items(told.get("added_tokens") or [], "added_tokens"))
    tokenizer = of_vocabulary(ids, merges, specials, rule_of(told.get("pre_tokenizer")),
                              end_name(ids, end))
    if len(tokenizer.alphabet) < 256:  # else no byte is unknown
        check_among("model.unk_token", model.get("unk_token"), [None])
    return tokenizer


def end_name(ids, end):
    """Return the name of the token that ends a text."""
    if end is None or isinstance(end, str):
        return end or END
    first = end[0] if isinstance(end, list) and end else end
    for name, i in ids.items():
        if type(first) is int and i == first:
            return name
    raise ValueError(f"eos_token_id is {in_short(end)}; allowed: the id of a token")


def with_added(ids, added):
    """Return the names of the tokens added to a vocabulary, and give it those that it lacks."""
    for token in added:
        name = fields(token, "added_tokens").get("content")
        for flag in "lstrip", "rstrip", "single_word":
            check_among(f"{flag} of {in_short(name)}", token.get(flag), [None, False])
        if not isinstance(name, str) or ids.setdefault(name, token.get("id")) != token.get("id"):
            raise ValueError(f"added_tokens holds {in_short(token)}; "
                             "allowed: a content with its id")
    return [token["content"] for token in added]


def rule_of(pre_tokenizer):
    """Return the rule of bpe.py that is the pre_tokenizer of a tokenizer.json."""
    told = fields(pre_tokenizer, "pre_tokenizer")
    steps = told.get("pretokenizers") if told.get("type") == "Sequence" else [told]
    for rule, wanted in STEPS.items():
        if (isinstance(steps, list) and len(steps) == len(wanted)
                and all(map(is_step, steps, wanted))):
            return rule
    raise ValueError(f"pre_tokenizer is {in_short(told)}; allowed: the steps of {', '.join(STEPS)}")


def is_step(step, wanted):
    """Tell whether a step has what is wanted of it; more, such as trim_offsets, cuts nothing."""
    return isinstance(step, dict) and wanted.items() <= ({"use_regex": True} | step).items()


def of_vocabulary(ids, merges, specials, rule, end):
    """Return the BPETokenizer of {name: id}, pairs of names in order, and the names of specials.

    Raises ValueError unless the ids are those of specials, bytes, merges and specials, in turn.
    """
    if not are_ids(ids.values()) or sorted(ids.values()) != list(range(len(ids))):
        raise ValueError(f"vocab is {in_short(ids)}; "
                         "allowed: tokens with the ids 0, 1, 2, ..., each once")
    names, special = sorted(ids, key=ids.get), set(specials)
    first = next((i for i, name in enumerate(names) if name not in special), len(names))
    born = first + len(names) - len(special) - len(merges)  # the first id that a merge makes
    bytes_of = printable_bytes()
    for i, name in enumerate(names[first:born], first):
        if name not in bytes_of or name in special:
            raise ValueError(f"token {i} is {in_short(name)}; allowed: the name of a byte, as "
                             f"{first} to {born - 1} must be by the number of merges")
    pairs = []
    for new, parts in enumerate(merges, born):
        pair = pair_of(ids, *parts, new) if is_texts(parts) and len(parts) == 2 else None
        if pair is None:
            raise ValueError(f"merges[{new - born}] is {in_short(parts)}; allowed: two tokens that "
                             f"join to the token of id {new}")
        pairs.append(pair)
    return BPETokenizer(pairs, map(bytes_of.get, names[first:born]), sorted(special, key=ids.get),
                        rule, first, end)


def is_texts(value):
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def check_among(name, value, allowed):
    """Refuse a value that is none of those allowed; None is what a field has that isn't there."""
    if not any(type(value) is type(one) and value == one for one in allowed):
        raise ValueError(f"{name} is {in_short(value)}; allowed: "
                         f"{', '.join('none' if one is None else str(one) for one in allowed)}")


def fields(value, name):
    """Return a dictionary; refuse what is none."""
    if not isinstance(value, dict):
        raise ValueError(f"{name} is {in_short(value)}; allowed: an object")
    return value


def items(value, name):
    """Return a list; refuse what is none."""
    if not isinstance(value, list):
        raise ValueError(f"{name} is {in_short(value)}; allowed: a list")
    return value
