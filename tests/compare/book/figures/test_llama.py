"""The picture of the llama: every number of the model is in one of its rows."""

import math

from compare.book.figures.llama import LEFT, SMOLLM2, numbers_of_parts
from compare.layers.params import shapes
from pictures import root_of, texts_of


def test_the_rows_add_up_to_the_model():
    counts = numbers_of_parts()
    C, L = SMOLLM2.n_embd, SMOLLM2.n_layer
    assert sum(counts.values()) == sum(math.prod(shape) for _, shape in shapes(SMOLLM2))
    assert counts["norm"] == (2 * L + 1) * C and counts["attention.k"] == L * C * C // 3
    shown = [int(words.replace(",", "")) for words in texts_of("llama") if words[0].isdigit()]
    assert shown == [*counts.values(), 134_515_008]


def test_the_bars_are_as_long_as_their_numbers():
    counts = [*numbers_of_parts().values()]
    bars = [float(node.get("width")) for node in root_of("llama").iter("rect")
            if float(node.get("x")) == LEFT]
    assert len(bars) == len(counts)
    assert all(abs(bar - max(bars) * count / max(counts)) <= 0.1 for bar, count in zip(bars, counts))
