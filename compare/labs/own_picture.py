"""What the lens sees of a prompt, as a picture: the lens, parts, patches, each head's attention."""

import itertools

import numpy as np

from ..svg import TINT, cells, figure, line, rect, text
from .attention_map import attention_map, room_for, token_label, token_labels
from .own_words import depth_name, share_of, tokens

EDGE, GAP, ROW = 24, 28, 18  # of the page, between panels, of a line of a table
GUESS, NUMBER, BAR = 96, 52, 110
LONGEST = 40                 # bars of parts
MANY = 48                    # heads, from which on their titles are short
CELLS = 400_000              # of all maps of attention: about 4 MB
DEEP = 8                     # blocks, from which on they stand below each other


def sight_svg(sight):
    """Return the SVG of a Sight: the tables beside each other above, the maps of heads below."""
    title = f"{tokens(len(sight.words))}, and then {in_quotes(sight.target)}"
    pieces, right, lowest = [], EDGE - 2 * GAP, 0
    for panel in [lens_panel, parts_panel] + [patch_panel] * bool(sight.patching):
        piece, right, bottom = panel(sight, right + 2 * GAP, 96)
        pieces.append(piece)
        lowest = max(lowest, bottom)
    heads, width, height = heads_panel(sight, EDGE, lowest + 2 * GAP)
    return figure(
        height + EDGE, title, "The likeliest next token after each block, were the stream the last "
        "one; what each part adds to the logit of the next token; where each head looks.",
        text(EDGE, 32, title, anchor="start", bold=True, size=20),
        text(EDGE, 60, f"of probability {sight.rise[-1]:.3f}, by a logit of {sight.logit:.2f}",
             anchor="start", color="muted", size=13),
        *pieces, heads, width=max(width, right) + EDGE).svg


def in_quotes(word):
    """Return a token as a picture shows it within a sentence."""
    return f"\u201c{token_label(word)}\u201d"


def panel_title(x, y, words, more):
    """Return the title of a panel, and a line below it."""
    return (text(x, y, words, anchor="start", bold=True, size=15)
            + text(x, y + 20, more, anchor="start", color="muted", size=12))


def heads_panel(sight, x, y):
    """Return the maps of the heads, a row a block, with the right and the lower end."""
    L, H, T, _ = sight.weights.shape
    places = shown_heads(sight)
    cell = 14 if T <= 20 else 11 if T <= 40 else 9
    wide, high = room_for(sight.words, cell)
    wide, high = max(wide, 180 if len(places) < MANY else 110) + GAP, high + GAP + 24
    title = "Attention" + f": {len(places)} of {L * H} heads" * (len(places) < L * H)
    pieces = [
        panel_title(x, y, title, "A row shows where its token looks: the stronger the "
                    "colour, the more. In brackets: what the head adds to the logit of "
                    f"{in_quotes(sight.target)}."),
        f'<defs><g id="tokens">{token_labels(sight.words, cell)}</g></defs>']
    right, top = x, y + 36
    for _, row in itertools.groupby(places, key=lambda place: place[0]):
        left = x
        for l, h in row:
            name = f"block {l}, head {h} " if len(places) < MANY else f"head {l}.{h}"
            pieces += [text(left, top + 14, f"{name} ({share_of(sight, l, h):+.2f})",
                            anchor="start", size=13),
                       f'<use href="#tokens" x="{left:.1f}" y="{top + 26:.1f}"/>',
                       attention_map(left, top + 26, sight.words, sight.weights[l, h], cell)]
            left += wide
        right, top = max(right, left), top + high
    return "".join(pieces), right - GAP, top


def shown_heads(sight):
    """Return the (block, head) of all heads, or of those that move the logit most, as many as make
    no more than CELLS."""
    L, H, T, _ = sight.weights.shape
    order = sorted(np.ndindex(L, H), key=lambda place: -abs(share_of(sight, *place)))
    return sorted(order[:max(1, 2 * CELLS // (T * T + T))])


def lens_panel(sight, x, y):
    """Return the table of the logit lens, with its right and lower end."""
    depths, T = sight.chances.shape
    deep = stands_deep(depths - 1, T)
    names, words = [*map(depth_name, range(depths))], [*map(token_label, sight.words)]
    down, across = (names, words) if deep else (words, names)
    left, top = x + 70, y + 60
    pieces = [panel_title(x, y, "Logit lens", "the likeliest next token after each block")]
    pieces += [text(left + j * GUESS + 4, top - 10, name, anchor="start", color="muted", size=12,
                    code=deep) for j, name in enumerate(across)]
    for i, name in enumerate(down):
        middle = top + (i + 0.5) * ROW
        pieces.append(text(left - 8, middle, name, anchor="end", size=12, code=not deep))
        for j in range(len(across)):
            d, t = (i, j) if deep else (j, i)
            at, chance = left + j * GUESS, sight.chances[d, t]
            pieces += [rect(at, middle - ROW / 2, GUESS, ROW, fill="one", edge="line",
                            opacity=TINT * chance),
                       text(at + 6, middle, token_label(sight.guesses[d][t]), anchor="start",
                            size=12, code=True),
                       text(at + GUESS - 4, middle, f"{chance:.2f}", anchor="end", color="muted",
                            size=10)]
    return "".join(pieces), max(left + len(across) * GUESS, x + 260), top + len(down) * ROW


def stands_deep(L, T):
    """Whether a table has its blocks below each other and the tokens across, as it is narrower."""
    return L > max(T, DEEP)


def parts_panel(sight, x, y):
    """Return a bar for what each part adds to the logit of the target, likewise."""
    order = sorted(sight.shares, key=lambda name: -abs(sight.shares[name]))
    rows = [(name, sight.shares[name]) for name in order[:LONGEST]]
    if rest := order[LONGEST:]:
        rows.append((f"{len(rest)} others", sum(sight.shares[name] for name in rest)))
    most = max(abs(value) for _, value in rows) or 1
    zero, top = x + 84 + BAR, y + 44
    pieces = [panel_title(x, y, f"What adds up to the logit of {in_quotes(sight.target)}",
                          f"the parts sum to {sum(sight.shares.values()):.2f}"),
              line(zero, top, zero, top + len(rows) * ROW, color="muted", width=1)]
    for i, (name, value) in enumerate(rows):
        middle, long = top + (i + 0.5) * ROW, BAR * abs(value) / most
        pieces += [text(x, middle, name, anchor="start", size=12),
                   rect(zero if value > 0 else zero - long, middle - 6, long, 12,
                        fill="one" if value > 0 else "two"),
                   text(zero + BAR + 48, middle, f"{value:+.2f}", anchor="end", size=12)]
    return "".join(pieces), max(zero + BAR + 48, x + 300), top + len(rows) * ROW


def patch_panel(sight, x, y):
    """Return the map of what each place of the stream brings back, likewise."""
    found = sight.patching
    L, T = found.restored.shape
    target, rival = in_quotes(sight.target), in_quotes(found.rival)
    title = panel_title(x, y, "Patching", f"how much of {target} over {rival} one place of the "
                        "stream brings back in the other run")
    deep = stands_deep(L, T)
    left, top, wide = x + 110, y + (80 if deep else 60), GUESS if deep else NUMBER
    pieces = [title, cells(left, top, found.restored if deep else found.restored.T, wide, ROW,
                           largest=1, size=11)]
    for l in range(L):
        name = f"block {l}"
        pieces.append(text(left - 8, top + (l + 0.5) * ROW, name, anchor="end", size=12) if deep
                      else text(left + (l + 0.5) * wide, top - 10, name, color="muted", size=12))
    for t, (ours, theirs) in enumerate(zip(sight.words, found.words)):
        pair, color = token_label(ours), "ink"
        instead = f"for {token_label(theirs)}"
        if ours != theirs:
            color = "three"
        if deep:
            middle = left + (t + 0.5) * wide
            pieces.append(text(middle, top - 28, pair, size=12, color=color, code=True))
            if ours != theirs:
                pieces.append(text(middle, top - 12, instead, size=12, color=color, code=True))
        else:
            pair += f" {instead}" * (ours != theirs)
            pieces.append(text(left - 8, top + (t + 0.5) * ROW, pair, anchor="end", size=12,
                               color=color, code=True))
    down, across = (L, T) if deep else (T, L)
    return "".join(pieces), max(left + across * wide, x + 420), top + down * ROW
