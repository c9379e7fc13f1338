"""The picture of AdamW in place: how often its arrays travel to memory and back."""

from .memory_trips import fused_trips, plain_trips
from ...svg import figure, rect, text

SQUARE, BYTES = 12, 4  # of an array in the picture; of a number in float32


def draw():
    """Return the Figure."""
    plain, fused = plain_trips(), fused_trips()
    far, near = _count(plain), _count(fused)
    lower = 128 + 30 * len(_by_line(plain))
    bottom = lower + 28 + 30 * len(_by_line(fused))
    return figure(
        bottom + 132, "AdamW in place: trips to memory",
        "A square is an array that an operation reads or writes. In AdamW each operation walks "
        "through all parameters, so each square is a trip to memory. In place, a piece at a time, "
        f"most stay in the cache: {BYTES * near} bytes travel for a parameter in float32, not "
        f"{BYTES * far}. (The norm of the gradients, one trip more for both, is left out.)",
        text(16, 22, "AdamW", anchor="start", bold=True), _lines(plain, 66),
        text(16, lower - 42, "AdamW in place", anchor="start", bold=True), _lines(fused, lower),
        _legend(bottom), _totals(far, near, bottom + 46))


def _by_line(trips):
    """Return the Trips of each line, by its name."""
    found = {}
    for trip in trips:
        found.setdefault(trip.name, []).append(trip)
    return found


def _count(trips):
    """Return how many of the trips go to memory."""
    return sum(sum(trip.reads + trip.writes) for trip in trips)


def _lines(trips, y):
    """Return a row of squares for each line of code, operation by operation."""
    pieces = []
    for i, (name, row) in enumerate(_by_line(trips).items()):
        at, place = 128, y + 30 * i
        pieces.append(text(16, place, name, anchor="start"))
        for trip in row:
            for color, flags in ("one", trip.reads), ("two", trip.writes):
                for far in flags:
                    pieces.append(_square(at, place, color if far else None))
                    at += SQUARE + 3
            at += 6
        pieces.append(text(464, place, f"`{_count(row)}`", anchor="end"))
    return "".join(pieces)


def _square(x, y, color):
    return rect(x, y - SQUARE / 2, SQUARE, SQUARE, fill=color, edge=color or "line", corner=2)


def _legend(y):
    """Return what the squares mean."""
    return "".join(_square(x, y, color) + text(x + 18, y, words, anchor="start", color="muted")
                   for x, color, words in ((16, "one", "read"), (96, "two", "written"),
                                           (202, None, "stays in the cache")))


def _totals(far, near, y):
    """Return both sums as bars to scale."""
    pieces = []
    for i, (count, words) in enumerate(((far, "AdamW"), (near, "in place"))):
        place = y + 40 * i
        pieces += [text(16, place, words, anchor="start"),
                   rect(100, place - 13, 230 * count / far, 26, fill="three"),
                   text(110 + 230 * count / far, place, f"{count} trips", anchor="start",
                        bold=True)]
    return "".join(pieces)
