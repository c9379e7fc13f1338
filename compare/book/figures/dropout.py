"""The picture of dropout: one mask, down for x and up for dy."""

import numpy as np

from reference import dropout

from ...svg import arrow, figure, rect, shown, text

RATE = 0.5
LEFT, LANE, GAP = 60, 46, 12
TOP, MASK, HIGH, BOTTOM = 66, 134, 46, 248  # the middles of the numbers; the mask's upper edge


def draw():
    """Return the Figure."""
    x, dy = np.array([1.5, -0.4, 2.0, 0.7]), np.array([0.4, 1.1, -0.3, 0.9])    # (4,), (4,)
    keep = dropout.draw_keep(np.random.default_rng(1), x.shape, RATE)           # (4,)
    y, cache = dropout.forward(x, keep, rate=RATE)                              # (4,)
    dx = dropout.backward(dy, cache)                                            # (4,)
    pieces = [text(LEFT, 16, "forward: down", color="one", anchor="start"),
              text(468, 16, "backward: up", color="two", anchor="end"),
              text(6, MASK + HIGH / 2, "`keep`", anchor="start")]
    for middle, forward, backward in (TOP, "x", "dx"), (BOTTOM, "y", "dy"):
        pieces += [text(6, middle - 10, f"`{forward}`", color="one", anchor="start"),
                   text(6, middle + 10, f"`{backward}`", color="two", anchor="start")]
    for i, kept in enumerate(keep):
        left = LEFT + i * (2 * LANE + GAP)
        pieces += [rect(left, MASK, 2 * LANE, HIGH, fill="three" if kept else None, opacity=0.25,
                        edge="three" if kept else "muted", corner=6),
                   text(left + LANE, MASK + HIGH / 2, f"\u00d7 {kept / (1 - RATE):g}", bold=True),
                   *_both_sides(left + LANE / 2, x[i], y[i], kept, "one"),
                   *_both_sides(left + 1.5 * LANE, dx[i], dy[i], kept, "two")]
    return figure(
        BOTTOM + 30, "Dropout: one mask for both ways",
        f"A number that is kept is multiplied by {1 / (1 - RATE):g}, that is 1 / (1 \u2212 rate), "
        "on its way down. Its gradient meets the same mask on the way up. What was dropped gave "
        "nothing to the output, so nothing comes back to it.", *pieces)


def _both_sides(x, above, below, kept, color):
    """Return a number above the mask, one below it, and the way between, which one downwards."""
    pieces = [text(x, TOP, f"`{shown(above, 1)}`", color=color),
              text(x, BOTTOM, f"`{shown(below, 1)}`", color=color)]
    stops = [TOP + 16, MASK - 5, MASK + HIGH + 5, BOTTOM - 16]
    if color == "two":
        stops.reverse()
    pieces.append(arrow(x, stops[0], x, stops[1], color=color))
    if kept:
        pieces.append(arrow(x, stops[2], x, stops[3], color=color))
    return pieces
