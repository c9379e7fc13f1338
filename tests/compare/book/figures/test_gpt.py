"""The picture of the GPT: the two parts of the table's gradient."""

import numpy as np

from compare.book.figures.gpt import ALPHABET, TEXT, small_gpt, table_gradients
from pictures import painted, root_of
from reference import gpt
from reference.tools import tree


def test_the_parts_add_up_to_the_slope_of_the_loss():
    config, p, ids = small_gpt()
    found = table_gradients()
    for row, column in (0, 1), (2, 3), (5, 0):  # of a letter that comes, and of two that don't
        losses = []
        for step in 1e-5, -1e-5:
            moved = tree.map(np.copy, p)
            moved.embedding.token.weight[row, column] += step
            losses.append(gpt.loss(ids[:, :-1], ids[:, 1:], moved, config=config))
        slope = (losses[0] - losses[1]) / 2e-5
        assert abs(slope - found.head[row, column] - found.lookup[row, column]) < 1e-8


def test_the_lookup_reaches_the_letters_that_come_and_the_head_all():
    found = table_gradients()
    come = np.array([letter in TEXT[:-1] for letter in ALPHABET])
    assert (found.lookup[~come] == 0).all() and np.abs(found.lookup[come]).max(1).all()
    assert np.abs(found.head).max(1).all() and 0 < come.sum() < len(come)


def test_the_sheets_have_the_signs_of_their_numbers():
    found, cells = table_gradients(), []
    for node in root_of("gpt").iter("rect"):
        if node.get("width") == node.get("height") == "22":
            cells.append((float(node.get("x")), painted(node, "one")))
    assert len(cells) == 4 * found.table.size
    for i, matrix in enumerate((found.table, found.head, found.lookup, found.head + found.lookup)):
        assert [positive for _, positive in cells[24 * i:24 * i + 24]] == [*(matrix > 0).flat]
