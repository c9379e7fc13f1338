"""The picture of megabyte: its cells are what a changed byte moves."""

import numpy as np

from compare.book.figures.megabyte import LENGTH, reach_of_bytes, same_patch, small_model
from pictures import painted, root_of
from reference.labs import megabyte


def test_a_cell_is_dark_where_a_changed_byte_moves_a_logit():
    config, p, tokens = small_model()
    logits, _ = megabyte.forward(tokens, p, config=config)
    reached = reach_of_bytes()
    for u in range(LENGTH):
        other = tokens.copy()
        other[0, u] = (other[0, u] + 1) % config.vocab_size
        moved = np.abs(megabyte.forward(other, p, config=config)[0] - logits)[0].max(-1)
        assert np.array_equal(moved > 0, reached[:, u] > 0)
    assert not np.triu(reached).any() and np.tril(reached, -1).any(1)[1:].all()


def test_the_colours_are_those_of_the_two_models():
    cells = [node for node in root_of("megabyte").iter("rect") if node.get("width") == "28"]
    below = np.tri(LENGTH, k=-1, dtype=bool)
    for color, seen in ("one", same_patch() & below), ("two", ~same_patch() & below):
        assert sum(painted(node, color) for node in cells) >= 0.8 * seen.sum() > 0
