"""What the tests draw: sizes by letter, seeds, model configurations."""

from typing import NamedTuple

from hypothesis import strategies as st

from compare import agree
from compare.check import LARGEST
from reference import gpt

seeds = st.integers(0, 2**32 - 1)


class Case(NamedTuple):
    """One example of a layer with its cotangent, in float64."""

    sizes: dict
    seed: int
    example: object
    dy: object


@st.composite
def cases(draw, layer):
    """An example of the layer, its sizes drawn from 1 up, its arrays filled from a drawn seed."""
    sizes = {letter: draw(st.integers(1, LARGEST.get(letter, 5)), label=letter)
             for letter in layer.letters}
    seed = draw(seeds, label="seed")
    example = layer.example(sizes, seed)
    return Case(sizes, seed, example, agree.draw_cotangent(layer, example, seed))


@st.composite
def configs(draw):
    """A small model of any shape, with dropout or without."""
    heads = draw(st.integers(1, 3))
    return gpt.Config(
        vocab_size=draw(st.integers(1, 9)), block_size=draw(st.integers(1, 6)),
        n_layer=draw(st.integers(1, 3)), n_head=heads, n_embd=heads * draw(st.integers(1, 4)),
        dropout=draw(st.sampled_from([0.0, 0.1, 0.5])))
