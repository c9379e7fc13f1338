"""The picture of grouped_attention: which heads share keys and values, and what is kept of them."""

import numpy as np

from reference import grouped_attention, linear

from ...svg import bend, figure, rect, shown, text

H, D, LEFT, STEP = 6, 4, 118, 58
HIGH = 150  # of a panel


def draw():
    """Return the Figure."""
    pieces = []
    for row, (K, name) in enumerate([(6, "plain"), (2, "grouped"), (1, "multi-query")]):
        y = 24 + HIGH * row
        cache = kept(K)
        numbers = cache.k[0, :, 0].size + cache.v[0, :, 0].size  # of one position
        pieces += [text(8, y + 12, name, anchor="start", bold=True),
                   text(8, y + 36, f"`K = {K}`", anchor="start"),
                   text(8, y + 76, "kept:", anchor="start", color="muted"),
                   text(8, y + 100, f"`{shown(numbers, 0)}`", anchor="start", color="three",
                        bold=True),
                   _heads(y, K)]
    return figure(
        24 + HIGH * 3, "Heads of queries above, heads of keys and values below",
        f"Each of {H} heads of queries (q) attends with the head of keys and values (kv) that it "
        f"is joined to. What a position keeps for those after it: 2 K D numbers a block, here with "
        f"D = {D}. In the backward, the gradients of all heads of queries that are joined to one "
        "head of keys and values are added there.", *pieces)


def kept(K):
    """Return the cache of a layer with K heads of keys and values, after two positions."""
    C = H * D
    weights = [linear.Weight(np.ones((out, C))) for out in (C, K * D, K * D, C)]
    x = np.ones((1, 2, C))
    p = grouped_attention.Params(*weights)
    return grouped_attention.forward(x, p, n_head=H, n_kv_head=K)[1]


def _heads(y, K):
    """Return both rows of heads, and a line from each head of queries to its keys."""
    pieces, G = [], H // K
    for h in range(H):
        middle = LEFT + STEP * (h + 0.5)
        shared = LEFT + STEP * G * (h // G + 0.5)
        pieces += [bend(middle, y + 26, shared, y + 82, color="muted", upright=True),
                   rect(middle - 22, y, 44, 26, edge="one", edge_width=2, corner=4),
                   text(middle, y + 13, "`q`", color="one")]
    for j in range(K):
        shared = LEFT + STEP * G * (j + 0.5)
        pieces += [rect(shared - 22, y + 82, 44, 26, edge="two", edge_width=2, corner=4),
                   text(shared, y + 95, "`kv`", color="two")]
    return "".join(pieces)
