"""The picture of attention_only: what is added up is the model's stream, and its gradient."""

import math

import numpy as np

from compare.book.figures.attention_only import (COLOR_OF, EDGES, UNIT, terms_of_two_blocks,
                                                 two_blocks)
from pictures import painted, root_of, texts_of
from reference import layer_norm
from reference.labs import attention_only


def rms(array):
    return math.sqrt((array**2).mean())


def test_the_terms_add_up_to_the_last_stream_and_to_the_gradient_of_the_first():
    config, p, tokens, dlogits = two_blocks()
    terms = terms_of_two_blocks()
    _, cache = attention_only.forward(tokens, p, config=config)
    last = sum(terms.forward.values())
    assert np.abs(layer_norm.forward(last, p.norm)[0] - cache.h).max() < 1e-12
    dposition = attention_only.backward(dlogits, cache).embedding.position.weight
    assert np.abs(sum(terms.backward.values())[0] - dposition).max() < 1e-12


def test_the_numbers_are_root_mean_squares():
    for terms in terms_of_two_blocks():
        arrays = [*terms.values()]
        for part in [*arrays, arrays[0] + arrays[1], sum(arrays)]:
            assert f"{rms(part):.2f}" in texts_of("attention_only")


def test_the_layers_of_the_stream_are_as_high_as_the_stream():
    for terms, bed, lefts in zip(terms_of_two_blocks(), (216, 498),
                                 (EDGES[:3], [480 - edge for edge in EDGES[1:]])):
        arrays = [*terms.values()]
        for i, left in enumerate(lefts):
            layers = [node for node in root_of("attention_only").iter("rect")
                      if float(node.get("x")) == left and bed - 110 < float(node.get("y")) < bed
                      and any(painted(node, color) for color in COLOR_OF.values())]
            high = [float(node.get("height")) for node in layers]
            assert len(high) == i + 1 and min(high) > 1
            assert abs(sum(high) - UNIT * rms(sum(arrays[:i + 1]))) <= 0.2
