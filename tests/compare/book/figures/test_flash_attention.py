"""The picture of flash attention: the order of the visits, and what is left of the row."""

import re

import numpy as np

from compare.book.figures.flash_attention import ROW, T, TILE, queries_and_keys, row_of_tiles
from pictures import printed_numbers, painted, root_of
from reference import flash_attention


def test_each_tile_leaves_the_largest_and_the_sum_of_all_before_it():
    q, k = queries_and_keys()
    scores = [sum(q[ROW] * k[s]) / 2 for s in range(ROW + 1)]  # D is 4
    columns = np.array(printed_numbers("flash_attention")[:15])
    after, top, shrink, total = columns[:4], columns[4:8], columns[8:11], columns[11:]
    assert list(after) == [7, 8, 9, 10]
    for i in range(4):
        seen = scores[:TILE * (i + 1)]
        assert top[i] == max(seen)
        assert abs(total[i] - sum(np.exp(s - max(seen)) for s in seen)) <= 0.005
    assert np.abs(shrink - np.exp(top[:3] - top[1:])).max() <= 0.005
    assert 0 < sum(shrink < 1) < 3  # a tile that rescales, and one that does not


def test_the_steps_lie_on_the_largest_bar_so_far():
    q, k = queries_and_keys()
    tops = np.maximum.accumulate(k @ q[ROW] / 2)[TILE - 1::TILE]
    shapes = [*root_of("flash_attention").iter()]
    bars = [node for node in shapes if node.tag == "rect" and painted(node, "two")
            and node.get("style").startswith("fill:var")]
    level = max(float(node.get("y")) for node in bars)
    high = [float(node.get("height")) * (-1 if float(node.get("y")) == level else 1)
            for node in bars]
    assert np.allclose(high, 34 * k @ q[ROW] / 2)
    steps, = [node.get("d") for node in shapes if node.tag == "path" and painted(node, "three")]
    y = np.reshape([float(n) for n in re.findall(r"-?[\d.]+", steps)], (-1, 2))[:, 1]
    assert np.allclose(level - y, 34 * np.repeat(tops, 2))


def test_what_is_left_at_the_end_is_the_log_sum_exp_of_the_layer():
    q, k = queries_and_keys()
    _, cache = flash_attention.forward(*(a[None, None] for a in (q, k, k)), block=TILE)
    last = row_of_tiles(q, k)[-1]
    assert abs(last.top + np.log(last.total) - cache.lse[0, 0, ROW, 0]) < 1e-12


def test_tiles_are_numbered_as_the_layer_visits_them(monkeypatch):
    visits, plain = [], flash_attention.block_scores
    q, k = (np.repeat(np.arange(T)[:, None], 4, 1) * scale for scale in (1.0, 0.0))

    def watch(q, k, on_diagonal):
        visits.append((int(q[0, 0, 0, 0] * 2) // TILE, on_diagonal))
        return plain(q, k, on_diagonal)

    monkeypatch.setattr(flash_attention, "block_scores", watch)
    flash_attention.forward(*(a[None, None] for a in (q, k, k)), block=TILE)
    marks = [node for node in root_of("flash_attention").iter("text")
             if painted(node, "one") and node.get("font-weight")]
    assert [int("".join(node.itertext())) for node in marks] == [*range(1, len(visits) + 1)]
    rows = sorted({float(node.get("y")) for node in marks})
    assert [rows.index(float(node.get("y"))) for node in marks] == [row for row, _ in visits]
