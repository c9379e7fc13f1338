"""The picture of megabyte: which bytes reach which, and by which of its two models."""

import numpy as np

from reference.labs import megabyte
from reference.tools import tree

from ...svg import cells, figure, line, text

PATCH, LENGTH = 4, 12
LEFT, TOP, CELL = 100, 112, 28


def draw():
    """Return the Figure."""
    reached = reach_of_bytes()
    share = reached / reached.max(1, keepdims=True).clip(1e-300)     # (12, 12)
    shown = np.where(same_patch(), 1, -1) * share  # a sign is a colour
    end = TOP + LENGTH * CELL
    pieces = [text(LEFT, 18, "read: byte", anchor="start", color="muted"),
              text(LEFT - 44, TOP - 14, "told", color="muted"),
              cells(LEFT, TOP, shown, CELL, CELL, digits=None, largest=1)]
    for t in range(LENGTH):
        middle = (t + 0.5) * CELL
        pieces += [text(LEFT + middle, TOP - 14, str(t)), text(LEFT - 16, TOP + middle, str(t))]
    for place in range(PATCH, LENGTH, PATCH):
        cut = place * CELL
        pieces += [line(LEFT + cut, TOP - 26, LEFT + cut, end, color="ink"),
                   line(LEFT - 30, TOP + cut, LEFT + LENGTH * CELL, TOP + cut, color="ink")]
    pieces += [text(LEFT, 44, "in the same patch: by the local model", anchor="start", color="one"),
               text(LEFT, 66, "in patches before: by the global model", anchor="start",
                    color="two")]
    return figure(end + 12, "Megabyte: which bytes tell which", (
        "Three patches of four bytes. A row is a byte that is told. The darker a cell, the more "
        "its logits depend on the byte above, as a share of the largest in the row. Nothing is on "
        "the diagonal or right of it: no byte is told from itself. The last bytes of a patch know "
        "more than its first one, which knows the earlier patches alone."), *pieces)


def small_model():
    """Return a Config, its Params and the ids of a text."""
    rng = np.random.default_rng(4)
    config = megabyte.Config(8, LENGTH, PATCH, n_global=1, n_local=1, n_head=2, n_embd=4)
    p = tree.map(lambda a: a + 0.5 * rng.standard_normal(a.shape),
                 megabyte.init(config, rng, np.float64, std=0.5))
    return config, p, rng.integers(0, 8, (1, LENGTH))


def reach_of_bytes():
    """Return how much the logits of a byte depend on each: (12, 12), the byte told first."""
    config, p, tokens = small_model()
    logits, cache = megabyte.forward(tokens, p, config=config)
    dlogits = np.random.default_rng(5).standard_normal(logits.shape)
    rows = []
    for t in range(LENGTH):
        only = np.zeros_like(logits)
        only[:, t] = dlogits[:, t]
        grads = megabyte.backward(only, cache).embedding.position.weight  # (12, C)
        rows.append(np.sqrt((grads**2).sum(-1)))                          # (12,)
    return np.stack(rows)


def same_patch():
    """Return whether two bytes are in one patch: (12, 12)."""
    patch = np.arange(LENGTH) // PATCH
    return patch[:, None] == patch
