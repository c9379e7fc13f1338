"""The attention of a head as a map: a row for who looks, a column for who is looked at."""

from ..svg import COLORS, SIZE, text

LEVELS = 20      # of the tint
LONG = 8         # characters of a token at most
NARROW = 0.62    # a character's width, of its height
INVISIBLE = {" ": "\u2423", "\n": "\u21b5", "\t": "\u21e5", "\r": "\u240d"}


def token_label(word):
    """Return a token as a picture shows it: a sign for what is invisible, and no more than LONG."""
    word = "".join(INVISIBLE.get(character, character) for character in word)
    word = "".join(character if character.isprintable() else "\ufffd" for character in word)
    return word if len(word) <= LONG else word[:LONG - 1] + "\u2026"


def margins(words, cell):
    """Return the room for the labels on the left, and above."""
    longest = max(len(token_label(word)) for word in words)
    side = NARROW * label_size(cell) * longest + 6
    return side, side if longest > 1 else label_size(cell) + 4


def label_size(cell):
    """Return the height of the text beside cells."""
    return min(SIZE, cell - 1)


def room_for(words, cell):
    """Return the width and the height of a map."""
    left, above = margins(words, cell)
    return left + cell * len(words), above + cell * len(words)


def token_labels(words, cell):
    """Return the tokens on the left and above of a map whose upper left corner is at 0, 0."""
    left, above = margins(words, cell)
    size, pieces = label_size(cell), []
    for t, word in enumerate(words):
        middle, shown = (t + 0.5) * cell, token_label(word)
        pieces.append(text(left - 4, above + middle, shown, anchor="end", size=size, code=True))
        if above == left:  # words stand upright
            turn = f"translate({left + middle:.1f} {above - 4:.1f}) rotate(-90)"
            pieces.append(f'<g transform="{turn}">'
                          + text(0, 0, shown, anchor="start", size=size, code=True) + "</g>")
        else:
            pieces.append(text(left + middle, above - 4 - size / 2, shown, size=size, code=True))
    return "".join(pieces)


def attention_map(x, y, words, weights, cell):
    """Return the cells of a map of weights (T, T), their place beside the labels of the tokens."""
    left, above = margins(words, cell)
    return tints(x + left, y + above, weights, cell)


def tints(x, y, weights, cell):
    """Return the cells of a map, those of one tint as one path: there may be many. Below lies a
    tint of all where a row may look."""
    places = {level: [] for level in range(1, LEVELS + 1)}
    for t, row in enumerate(weights):
        for s, weight in enumerate(row[:t + 1]):
            if level := round(LEVELS * float(weight)):
                places[level].append(f"M{s} {t}h1v1h-1z")
    seen = "".join(f"M0 {t}h{t + 1}v1h-{t + 1}z" for t in range(len(weights)))
    paths = [tinted(seen, "line", 0.3)]
    paths += [tinted("".join(found), "one", level / LEVELS)
              for level, found in places.items() if found]
    return f'<g transform="translate({x:.1f} {y:.1f}) scale({cell})">{"".join(paths)}</g>'


def tinted(data, color, opacity):
    """Return a path that is filled with a colour."""
    fill = f"fill:var(--{color},{COLORS[color][0]});fill-opacity:{opacity:g}"
    return f'<path d="{data}" style="{fill}"/>'
