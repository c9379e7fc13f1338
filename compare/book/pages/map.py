"""The map of the model on the cover: each part is a link to its page."""

from ...svg import arrow, figure, line, path, rect, text

STREAM, TALL = 85, 34  # where the residual stream runs, and the height of a box


def model_map():
    """Return the map as a Figure, from the ids at the bottom to the loss at the top."""
    trunk = [("cross_entropy", "Cross-entropy", 16), ("gpt", "Head", 92),
             ("layer_norm", "Layer norm", 150), ("dropout", "Dropout", 506),
             ("embedding", "Embedding", 564)]
    linear = "linear", "Linear"
    pieces = [rect(1, 206, 457, 278, edge="three", edge_width=1.5, corner=10),
              link("block", text(446, 225, "Block, L times", color="three", anchor="end",
                                 bold=True))]
    for bottom, top in (608, 600), (564, 542), (506, 186), (150, 128), (92, 52):
        pieces.append(arrow(STREAM, bottom, STREAM, top))
    pieces += [box(stem, words, 10, y, 150) for stem, words, y in trunk]
    pieces.append(text(STREAM, 620, "ids", color="muted"))
    pieces.append(text(STREAM + 10, 72, "logits", color="muted", anchor="start"))
    pieces += branch(444, "attention", "Attention", [linear, ("softmax", "Softmax"), linear])
    pieces += branch(326, "mlp", "MLP", [linear, ("gelu", "GELU"), linear])
    pieces += [path([(162, 33), (474, 33), (474, 581)], color="two", dash="5 4"),
               text(318, 54, "backward: a gradient", color="two"),
               text(318, 74, "for each parameter", color="two"),
               arrow(474, 581, 452, 581, color="two"), box("adamw", "AdamW", 330, 564, 120, "two"),
               arrow(330, 581, 164, 581, color="two"),
               text(247, 602, "new parameters", color="two"),
               text(247, 622, "for every part", color="two")]
    return figure(640, "A map of the model",
                  "From the ids through the embedding, L blocks of attention and MLP on a residual "
                  "stream, a norm and the head to the loss, and back as gradients to AdamW.",
                  *pieces, role="group")


def branch(y, stem, words, parts):
    """Return a branch of the block that leaves the stream at y: a norm, a layer with its parts, a
    sum."""
    top, total = y - 52, y - 74
    pieces = [arrow(STREAM, y, 113, y), box("layer_norm", "Norm", 115, y - 17, 62),
              arrow(177, y, 193, y), rect(195, top, 251, 72, edge="one", edge_width=2, corner=6),
              link(stem, text(320, top + 16, words, bold=True)),
              line(320, top, 320, total, color="ink", width=2),
              arrow(320, total, STREAM + 13, total),
              rect(STREAM - 11, total - 11, 22, 22, fill="paper", edge="ink", edge_width=2,
                   corner=11),
              text(STREAM, total, "+")]
    return pieces + [box(part, name, 202 + 80 * i, y - 20, 77)
                     for i, (part, name) in enumerate(parts)]


def box(stem, words, x, y, wide, color="one"):
    """Return a box that is the link to a page."""
    return link(stem, rect(x, y, wide, TALL, fill="paper", edge=color, edge_width=2, corner=6)
                + text(x + wide / 2, y + TALL / 2, words))


def link(stem, inside):
    """Return a piece of the map that is the link to a page."""
    return f'<a href="{stem}.html">{inside}</a>'
