"""The map of the model on the cover: each part is a link to its page."""

from ...svg import arrow, figure, line, path, rect, text

STREAM, TALL = 85, 34  # where the residual stream runs, and the height of a box


LINEAR = "linear", "Linear", 80  # the stem, the words and the width of a box in a branch


def model_map():
    """Return the map of the GPT as a Figure, from the ids at the bottom to the loss at the top."""
    trunk = [("cross_entropy", "Cross-entropy", 16), ("gpt", "Head", 92),
             ("layer_norm", "Layer norm", 150), ("dropout", "Dropout", 506),
             ("embedding", "Embedding", 564)]
    branches = [("layer_norm", 444, "attention", "Attention",
                 [LINEAR, ("softmax", "Softmax", 80), LINEAR]),
                ("layer_norm", 326, "mlp", "MLP", [LINEAR, ("gelu", "GELU", 80), LINEAR])]
    return figure(640, "A map of the model",
                  "From the ids through the embedding, L blocks of attention and MLP on a residual "
                  "stream, a norm and the head to the loss, and back as gradients to AdamW.",
                  *forward_part("block", trunk, branches, [(564, 542), (506, 186)]),
                  path([(162, 33), (474, 33), (474, 581)], color="two", dash="5 4"),
                  text(318, 54, "backward: a gradient", color="two"),
                  text(318, 74, "for each parameter", color="two"),
                  arrow(474, 581, 452, 581, color="two"),
                  box("adamw", "AdamW", 330, 564, 120, "two"),
                  arrow(330, 581, 164, 581, color="two"),
                  text(247, 602, "new parameters", color="two"),
                  text(247, 622, "for every part", color="two"), role="group")


def llama_map():
    """Return the map of the llama as a Figure, from the ids to the logits' loss."""
    trunk = [("cross_entropy", "Cross-entropy", 16), ("llama", "Head", 92),
             ("rms_norm", "RMS norm", 150), ("embedding", "Embedding", 564)]
    narrow = (*LINEAR[:2], 57)
    branches = [("rms_norm", 444, "grouped_attention", "Grouped attention",
                 [narrow, ("rope", "RoPE", 50), ("softmax", "Softmax", 76), narrow]),
                ("rms_norm", 326, "swiglu", "SwiGLU", [LINEAR, ("swiglu", "Gate", 80), LINEAR])]
    return figure(640, "A map of the llama",
                  "From the ids through the embedding, L blocks of grouped attention and SwiGLU on "
                  "a residual stream, a norm and the head to the loss.",
                  *forward_part("llama_block", trunk, branches, [(564, 186)]), role="group")


def forward_part(block, trunk, branches, arrows):
    """Return the pieces from the ids to the loss: boxes on the stream, and a block's branches."""
    pieces = [rect(1, 206, 457, 278, edge="three", edge_width=1.5, corner=10),
              link(block, text(446, 225, "Block, L times", color="three", anchor="end",
                               bold=True))]
    for bottom, top in (608, 600), *arrows, (150, 128), (92, 52):
        pieces.append(arrow(STREAM, bottom, STREAM, top))
    pieces += [box(stem, words, 10, y, 150) for stem, words, y in trunk]
    pieces.append(text(STREAM, 620, "ids", color="muted"))
    pieces.append(text(STREAM + 10, 72, "logits", color="muted", anchor="start"))
    for parts in branches:
        pieces += branch(*parts)
    return pieces


def branch(norm, y, stem, words, parts):
    """Return a branch of the block that leaves the stream at y: a norm, a layer with its parts, a
    sum."""
    top, total = y - 52, y - 74
    pieces = [arrow(STREAM, y, 113, y), box(norm, "Norm", 115, y - 17, 62),
              arrow(177, y, 193, y), rect(195, top, 251, 72, edge="one", edge_width=2, corner=6),
              link(stem, text(320, top + 16, words, bold=True)),
              line(320, top, 320, total, color="ink", width=2),
              arrow(320, total, STREAM + 13, total),
              rect(STREAM - 11, total - 11, 22, 22, fill="paper", edge="ink", edge_width=2,
                   corner=11),
              text(STREAM, total, "+")]
    x = 202
    for part, name, wide in parts:
        pieces.append(box(part, name, x, y - 20, wide - 3))
        x += wide
    return pieces


def box(stem, words, x, y, wide, color="one"):
    """Return a box that is the link to a page."""
    return link(stem, rect(x, y, wide, TALL, fill="paper", edge=color, edge_width=2, corner=6)
                + text(x + wide / 2, y + TALL / 2, words))


def link(stem, inside):
    """Return a piece of the map that is the link to a page."""
    return f'<a href="{stem}.html">{inside}</a>'
