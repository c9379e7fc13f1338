"""The picture of the llama: where the numbers of a real one are."""

import math

from reference import llama

from ...layers.params import shapes
from ...svg import figure, line, rect, text

# https://huggingface.co/HuggingFaceTB/SmolLM2-135M/blob/main/config.json
SMOLLM2 = llama.Config(vocab_size=49152, block_size=8192, n_layer=30, n_head=9, n_kv_head=3,
                       n_embd=576, n_hidden=1536, rope_base=100000.0, tied=True)
PARTS = {  # by the end of their names: the words for them, and a colour
    "embedding": ("token table", "three"),
    "attention.q": ("queries", "one"), "attention.k": ("keys", "one"),
    "attention.v": ("values", "one"), "attention.proj": ("projection", "one"),
    "mlp.gate": ("gate", "two"), "mlp.up": ("up", "two"), "mlp.down": ("down", "two"),
    "norm": ("all norms", "muted")}
LEFT, WIDE, TOP, STEP = 146, 196, 56, 34  # of the bars, the longest of them WIDE


def draw():
    """Return the Figure."""
    counts = numbers_of_parts()
    unit, total = WIDE / max(counts.values()), sum(counts.values())
    pieces = [text(472, 22, "numbers", anchor="end", bold=True)]
    for i, (part, count) in enumerate(counts.items()):
        (words, color), y = PARTS[part], TOP + STEP * i
        pieces += [text(LEFT - 10, y, words, anchor="end"),
                   rect(LEFT, y - 11, unit * count, 22, fill=color),
                   text(472, y, f"{count:,}", anchor="end")]
    end = TOP + STEP * len(counts)
    return figure(
        end + 32, "SmolLM2-135M: where its numbers are",
        "A llama of 30 blocks, each row the sum over all of them. Its 9 heads share 3 heads of "
        "keys and values, so those weights are a third of the queries'. Of a block three quarters "
        "are the MLP, with its third matrix. The table of tokens is the head as well: a head of "
        "its own would have as many numbers as the table.",
        *pieces, line(330, end - 14, 472, end - 14, color="muted"),
        text(LEFT - 10, end + 6, "together", anchor="end", bold=True),
        text(472, end + 6, f"{total:,}", anchor="end", bold=True))


def numbers_of_parts():
    """Return how many numbers each part has, over all blocks, by the keys of PARTS."""
    counts = dict.fromkeys(PARTS, 0)
    for name, shape in shapes(SMOLLM2):
        layer = name.removesuffix(".weight")
        part = next((part for part in PARTS if layer.endswith(part)), "norm")
        counts[part] += math.prod(shape)
    return counts
