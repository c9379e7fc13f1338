"""What the lens sees of a prompt, as a picture: each head's attention, the lens, parts, patches."""

import numpy as np

from ..svg import TINT, cells, figure, line, rect, text
from .attention_map import attention_map, room_for, token_label, token_labels
from .own_words import share_of, tokens

EDGE, GAP, ROW = 24, 28, 18  # of the page, between panels, of a line of a table
GUESS, NUMBER, BAR = 84, 52, 110
LONGEST = 40                 # bars of parts


def sight_svg(sight):
    """Return the SVG of a Sight: the heads above, the other panels beside each other below."""
    title = f"{tokens(len(sight.words))}, and then {in_quotes(sight.target)}"
    heads, width, height = heads_panel(sight, EDGE, 96)
    pieces, right, lowest = [heads], EDGE - 2 * GAP, 0
    for panel in [lens_panel, parts_panel] + [patch_panel] * bool(sight.patching):
        piece, right, bottom = panel(sight, right + 2 * GAP, height + 2 * GAP)
        pieces.append(piece)
        lowest = max(lowest, bottom)
    return figure(
        lowest + EDGE, title, "Where each head looks; the likeliest next token after each block, "
        "were the stream the last one; what each part adds to the logit of the next token.",
        text(EDGE, 32, title, anchor="start", bold=True, size=20),
        text(EDGE, 60, f"of probability {sight.rise[-1]:.3f}, by a logit of {sight.logit:.2f}",
             anchor="start", color="muted", size=13),
        *pieces, width=max(width, right) + EDGE).svg


def in_quotes(word):
    """Return a token as a picture shows it within a sentence."""
    return f"\u201c{token_label(word)}\u201d"


def panel_title(x, y, words, more):
    """Return the title of a panel, and a line below it."""
    return (text(x, y, words, anchor="start", bold=True, size=15)
            + text(x, y + 20, more, anchor="start", color="muted", size=12))


def heads_panel(sight, x, y):
    """Return the maps of all heads, a row a block, with the right and the lower end."""
    L, H, T, _ = sight.weights.shape
    cell = 14 if T <= 20 else 11 if T <= 40 else 9
    wide, high = room_for(sight.words, cell)
    wide, high = max(wide, 180) + GAP, high + GAP + 24
    pieces = [
        panel_title(x, y, "Attention", "A row shows where its token looks: the stronger the "
                    "colour, the more. In brackets: what the head adds to the logit of "
                    f"{in_quotes(sight.target)}."),
        f'<defs><g id="tokens">{token_labels(sight.words, cell)}</g></defs>']
    for l, h in np.ndindex(L, H):
        left, top = x + h * wide, y + 36 + l * high
        pieces += [text(left, top + 14, f"block {l}, head {h}  ({share_of(sight, l, h):+.2f})",
                        anchor="start", size=13),
                   f'<use href="#tokens" x="{left:.1f}" y="{top + 26:.1f}"/>',
                   attention_map(left, top + 26, sight.words, sight.weights[l, h], cell)]
    return "".join(pieces), x + H * wide - GAP, y + 36 + L * high


def lens_panel(sight, x, y):
    """Return the table of the logit lens, with its right and lower end."""
    names = ["embedded", *(f"block {l}" for l in range(len(sight.guesses) - 1))]
    left, top = x + 70, y + 60
    pieces = [panel_title(x, y, "Logit lens", "the likeliest next token after each block")]
    pieces += [text(left + d * GUESS + 4, top - 10, name, anchor="start", color="muted", size=12)
               for d, name in enumerate(names)]
    for t, word in enumerate(sight.words):
        middle = top + (t + 0.5) * ROW
        pieces.append(text(left - 8, middle, token_label(word), anchor="end", size=12, code=True))
        for d, row in enumerate(sight.guesses):
            at, chance = left + d * GUESS, sight.chances[d, t]
            pieces += [rect(at, middle - ROW / 2, GUESS, ROW, fill="one", edge="line",
                            opacity=TINT * chance),
                       text(at + 6, middle, token_label(row[t]), anchor="start", size=12,
                            code=True),
                       text(at + GUESS - 4, middle, f"{chance:.2f}", anchor="end", color="muted",
                            size=10)]
    return ("".join(pieces), max(left + len(names) * GUESS, x + 260),
            top + len(sight.words) * ROW)


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
    found, left, top = sight.patching, x + 110, y + 60
    target, rival = in_quotes(sight.target), in_quotes(found.rival)
    pieces = [panel_title(x, y, "Patching", f"how much of {target} over {rival} one place of the "
                          "stream brings back in the other run"),
              cells(left, top, found.restored.T, NUMBER, ROW, largest=1, size=11)]
    pieces += [text(left + (l + 0.5) * NUMBER, top - 10, f"block {l}", color="muted", size=12)
               for l in range(len(found.restored))]
    for t, (ours, theirs) in enumerate(zip(sight.words, found.words)):
        pair, color = token_label(ours), "ink"
        if ours != theirs:
            pair, color = f"{pair} for {token_label(theirs)}", "three"
        pieces.append(text(left - 8, top + (t + 0.5) * ROW, pair, anchor="end", size=12,
                           color=color, code=True))
    return ("".join(pieces), max(left + len(found.restored) * NUMBER, x + 420),
            top + len(sight.words) * ROW)
