"""The picture of attention_only: a stream to which attention adds, and nothing else."""

import math
from typing import NamedTuple

import numpy as np

from reference import attention, embedding, gpt, layer_norm
from reference.labs import attention_only
from reference.tools import tree

from ...svg import arrow, figure, rect, shown, text

UNIT = 34  # the width of a root mean square of 1
EDGES = (12, 130, 272, 414)  # of the stream's three stretches
COLOR_OF = {"stream": "one", "block 1": "two", "block 2": "three"}


class Terms(NamedTuple):
    """What adds up to the last stream, and to the gradient of the first, in that order."""

    forward: dict   # name -> (1, T, C)
    backward: dict  # likewise


def draw():
    """Return the Figure."""
    terms = terms_of_two_blocks()
    return figure(
        548, "A GPT of attention alone: one stream, and what two blocks add",
        "Each block reads the stream through a norm, and adds what its attention found. There is "
        "no other branch. Backward the stream runs the other way: the gradient passes each block "
        "as it came, and what came through attention is added. Heights and numbers are root mean "
        "squares, which do not add up as the arrays do.",
        _forward_stream(terms.forward), _backward_stream(terms.backward))


def two_blocks():
    """Return a small model with its tokens and a cotangent: Config, Params, (1, T), (1, T, V)."""
    rng = np.random.default_rng(7)
    config = gpt.Config(vocab_size=12, block_size=8, n_layer=2, n_head=4, n_embd=16)
    p = attention_only.init(config, rng, np.float64, std=0.4)
    p = p._replace(embedding=tree.map(lambda a: 2 * a, p.embedding))  # as large as what is added
    return config, p, rng.integers(0, 12, (1, 8)), 0.5 * rng.standard_normal((1, 8, 12))


def terms_of_two_blocks():
    """Return the Terms of the small model."""
    config, p, tokens, dlogits = two_blocks()
    _, cache = attention_only.forward(tokens, p, config=config)
    found = [embedding.forward(tokens, p.embedding)[0]]                        # (1, T, C)
    for block in p.blocks:
        n, _ = layer_norm.forward(sum(found), block.norm_1)
        found.append(attention.forward(n, block.attention, n_head=config.n_head)[0])
    back = [layer_norm.backward(dlogits @ cache.table, cache.norm)[0]]         # (1, T, C)
    for norm, attend in reversed(cache.blocks):
        back.append(layer_norm.backward(attention.backward(sum(back), attend)[0], norm)[0])
    return Terms(dict(zip(COLOR_OF, found)), dict(zip(("stream", "block 2", "block 1"), back)))


def _size_of(array):
    return math.sqrt((array * array).mean())


def _layered(terms, edges, bed):
    """Return the stream over its three stretches; its layers show what it consists of."""
    pieces, names = [], list(terms)
    for i in range(3):
        total = sum(terms[name] for name in names[:i + 1])
        left, right = sorted(edges[i:i + 2])
        top = bed
        for name in names[:i + 1]:  # their shares add up to 1
            high = UNIT * (terms[name] * total).mean() / _size_of(total)
            top -= high
            pieces.append(rect(left, top, right - left, high, fill=COLOR_OF[name]))
        pieces.append(text((left + right) / 2, bed + 18, shown(_size_of(total)), bold=True))
    return "".join(pieces)


def _branches(terms, edges, bed, titles):
    """Return the two boxes above the edges of the stream, each with the term that it adds."""
    pieces, ahead = [], math.copysign(1, edges[1] - edges[0])
    for i, title in enumerate(titles, 1):
        name, edge = list(terms)[i], edges[i]
        before = sum(terms[other] for other in list(terms)[:i])
        top, wide, y = bed - UNIT * _size_of(before), UNIT * _size_of(terms[name]), bed - 174
        fall = edge + ahead * (14 + wide / 2)
        pieces += [
            arrow(edge - ahead * 28, top, edge - ahead * 28, y + 58, color="muted"),
            rect(fall - wide / 2, y + 56, wide, top - y - 56, fill=COLOR_OF[name]),
            rect(edge - 62, y, 124, 56, fill="paper", edge="muted", edge_width=1.5, corner=8),
            text(edge, y + 17, title[0], color="muted"), text(edge, y + 39, title[1], bold=True),
            text(fall + ahead * (wide / 2 + 8), y + 78, shown(_size_of(terms[name])), bold=True,
                 color=COLOR_OF[name], anchor="start" if ahead > 0 else "end")]
    return "".join(pieces)


def _forward_stream(terms):
    """Return the stream from the embedding, left, to the logits, right."""
    bed, end = 216, EDGES[-1]
    high = UNIT * _size_of(sum(terms.values()))
    return "".join([
        text(12, 18, "Forward: two sums", anchor="start", bold=True),
        _layered(terms, EDGES, bed),
        _branches(terms, EDGES, bed, [("norm", "attention 1"), ("norm", "attention 2")]),
        text(12, bed + 38, "embedding", anchor="start", color="one"),
        arrow(end + 4, bed - high / 2, 470, bed - high / 2, color="muted"),
        text(470, bed + 18, "norm,", anchor="end", color="muted"),
        text(470, bed + 38, "then the table: logits", anchor="end", color="muted")])


def _backward_stream(terms):
    """Return the gradient's stream from the logits, right, to the embedding, left."""
    bed, edges = 498, [480 - edge for edge in EDGES]
    high = UNIT * _size_of(sum(terms.values()))
    return "".join([
        text(12, bed - 194, "Backward: two sums", anchor="start", bold=True),
        _layered(terms, edges, bed),
        _branches(terms, edges, bed, [("back through", "attention 2"),
                                      ("back through", "attention 1")]),
        text(468, bed + 38, "from the logits", anchor="end", color="one"),
        arrow(edges[-1] - 4, bed - high / 2, 10, bed - high / 2, color="muted"),
        text(10, bed + 38, "to the embedding", anchor="start", color="muted")])
