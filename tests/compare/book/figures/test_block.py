"""The picture of the block: the parts add up, and their widths are those of their numbers."""

import math

import numpy as np

from compare.book.figures.block import PAINT, UNIT, flow_of_a_block
from pictures import painted, root_of, texts_of


def rms(array):
    return math.sqrt((array**2).mean())


def test_the_terms_add_up_to_y_and_the_ways_to_dx():
    forward, backward = flow_of_a_block()
    assert np.abs(forward["x"] + forward["a"] + forward["f"] - forward["y"]).max() < 1e-12
    *ways, dx = backward.values()
    assert len(ways) == 4 and np.abs(sum(ways) - dx).max() < 1e-12
    assert min(map(rms, ways)) > 0.1 * rms(dx)  # each one counts


def test_the_numbers_are_root_mean_squares():
    forward, backward = flow_of_a_block()
    texts = texts_of("block")
    for name, part in [*forward.items(), *[*backward.items()][:-1]]:
        assert f"{name} {rms(part):.2f}" in texts, name
    assert f"{rms(backward['dx']):.2f}" in texts and f"{rms(backward['past both']):.2f}" in texts


def test_the_layers_of_the_stream_are_as_high_as_the_stream():
    forward, _ = flow_of_a_block()
    for left, name in (16, "x"), (170, "r"), (366, "y"):
        layers = [node for node in root_of("block").iter("rect") if float(node.get("x")) == left
                  and any(painted(node, color) for color in PAINT.values())
                  and float(node.get("y")) > 150]
        high = [float(node.get("height")) for node in layers[:"xry".index(name) + 1]]
        assert abs(sum(high) - UNIT * rms(forward[name])) <= 0.2 and min(high) > 1


def test_the_ways_are_as_wide_as_their_numbers():
    *ways, _ = flow_of_a_block().backward.values()
    lanes = [float(node.get("height")) for node in root_of("block").iter("rect")
             if float(node.get("x")) == 120]
    assert np.abs(np.array(lanes) - [UNIT * rms(way) for way in ways]).max() <= 0.1
