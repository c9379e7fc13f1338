"""What the tests draw: sizes by letter, seeds, model configurations; and what they hold alike."""

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from compare.layers import both
from compare.layers.sizes import LETTERS
from reference import gpt, llama

seeds = st.integers(0, 2**32 - 1)


class Drawn(NamedTuple):
    """One example of a layer with its cotangent, in float64."""

    sizes: dict
    seed: int
    example: object
    dy: object


def drawn_sizes(layer):
    """A size from 1 up for each letter of the layer."""
    return st.fixed_dictionaries({letter: st.integers(1, LETTERS[letter].drawn)
                                  for letter in layer.letters})


@st.composite
def examples(draw, layer):
    """An example of the layer, its arrays filled from a drawn seed."""
    drawn, seed = draw(drawn_sizes(layer)), draw(seeds, label="seed")
    example = layer.example(drawn, seed)
    return Drawn(drawn, seed, example, both.draw_cotangent(layer, example, seed))


@st.composite
def configs(draw):
    """A small model of any shape, with dropout or without."""
    heads = draw(st.integers(1, 3))
    return gpt.Config(
        vocab_size=draw(st.integers(1, 9)), block_size=draw(st.integers(1, 6)),
        n_layer=draw(st.integers(1, 3)), n_head=heads, n_embd=heads * draw(st.integers(1, 4)),
        dropout=draw(st.sampled_from([0.0, 0.1, 0.5])))


@st.composite
def llama_configs(draw):
    """A small llama of any shape, tied or not."""
    n_kv_head, group = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    heads = n_kv_head * group
    return llama.Config(
        vocab_size=draw(st.integers(1, 9)), block_size=draw(st.integers(1, 6)),
        n_layer=draw(st.integers(1, 3)), n_head=heads, n_kv_head=n_kv_head,
        n_embd=heads * 2 * draw(st.integers(1, 3)), n_hidden=draw(st.integers(1, 7)),
        rope_base=draw(st.sampled_from([100.0, 10000.0])), eps=draw(st.sampled_from([1e-5, 1e-2])),
        tied=draw(st.booleans()))


def same(ours, theirs):
    """Whether two dicts have the same names, and arrays equal in shape, dtype and value."""
    return ours.keys() == theirs.keys() and all(
        a.dtype == theirs[name].dtype and np.array_equal(a, theirs[name])
        for name, a in ours.items())
