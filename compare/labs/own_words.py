"""What the lens sees of a prompt, in plain characters: at most 80 a line."""

import numpy as np

from ..words import counted

WIDTH = 80
SHADES = ".:+*#"                # of a weight
STEPS = 0.1, 0.3, 0.5, 0.7      # where each of them but the first begins
KEY = "a row shows where its token looks: . below 0.1  : 0.1  + 0.3  * 0.5  # 0.7"
HEADS = 5                       # beside each other, with the token where each looks most
MOST = 70                       # tokens of a map, one character each
ROWS, PARTS = 24, 12            # of a table, of the attribution
DEEP = 40                       # rows of a table of depths
LABEL, WORD = 6, 14             # characters of a token beside a row, and in a sentence
LEAST = 0.005                   # of a share that is shown
BAR = 50                        # characters of the largest part
CELL = 10                       # characters of a guess and its probability


def sight_lines(sight, head=None):
    """Yield what there is to see: the prediction, the attention, of one head such as "0.1" if it is
    given, the lens, the parts, the patches."""
    T = len(sight.words)
    yield (f"{tokens(T)}; next: {short(sight.target, WORD)}, probability {sight.rise[-1]:.3f}, "
           f"logit {sight.logit:.2f}")
    for part in focus(sight), maps(sight, head), lens_table(sight), attribution(sight):
        yield ""
        yield from part
    if sight.patching:
        yield ""
        yield from patches(sight)


def tokens(number):
    """Return "1 token" or "12 tokens"."""
    return counted(number, "token")


def short(word, width=LABEL):
    """Return a token in quotes, at most so many characters of it."""
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in word)
    return f"'{shown}'" if len(shown) <= width - 2 else f"'{shown[:width - 3]}~'"


def focus(sight):
    """Yield where each head looks most from the last token: a row a block, some heads a table.

    Of many heads it leaves out the token, which is as many tokens back as it says.
    """
    L, H, T, _ = sight.weights.shape
    named = L * -(-H // HEADS) <= ROWS  # rows
    back = max(2, len(str(T - 1))) + 1
    wide = back + (11 if named else 5)
    room = (WIDTH - 8) // wide
    yield f"Where each head looks most from the last token, {short(sight.words[-1], WORD)}:"
    yield f"{'at which token, ' * named}how many tokens back, and with which weight"
    for first in range(0, H, room):
        heads = range(first, min(first + room, H))
        yield f"{'':<9}" + "".join(f"{f'head {h}':<{wide}}" for h in heads).rstrip()
        for l in range(L):
            rows = sight.weights[l, first:first + room, -1]                   # (heads, T)
            cells = (f"{short(sight.words[s]):<7}" * named + f"{T - 1 - s:<{back}}"
                     + decimals(row[s]) for row, s in zip(rows, rows.argmax(-1)))
            yield f"{f'block {l}':<9}" + "".join(f"{cell:<{wide}}" for cell in cells).rstrip()


def decimals(share):
    """Return a number from 0 to 1 in three characters: .25, 1.0."""
    return f"{share:.2f}".lstrip("0")[:3]


def maps(sight, head=None):
    """Yield the maps of one head, or of those that matter most for the target, as many as two rows
    have room for."""
    L, H, T, _ = sight.weights.shape
    shown = range(max(0, T - MOST), T)
    wide = 2 if 2 * len(shown) + 8 <= WIDTH else 1
    longest = max(len(title_of(sight, *place)) for place in np.ndindex(L, H))
    width = max(8 + wide * len(shown), longest)
    beside = max(1, (WIDTH + 4) // (width + 4))
    order = sorted(np.ndindex(L, H), key=lambda place: -abs(share_of(sight, *place)))
    order = order[:beside * (2 if len(shown) <= 16 else 1)]
    if head is not None:
        order = [tuple(map(int, head.split(".")))]
    left_out = [f"{len(order)} of {counted(L * H, 'head')}"] * (len(order) < L * H)
    left_out += [f"the last {len(shown)} of {tokens(T)}"] * (len(shown) < T)
    yield f"Attention: {', '.join(left_out) or 'every head'}"
    if len(order) < L * H:
        yield ("the heads that move the logit most; " if head is None else "") + (
            "--head L.H shows another, of block L")
    yield KEY
    for first in range(0, len(order), beside):
        drawn = [map_of(sight, *place, shown, wide) for place in order[first:first + beside]]
        yield ""
        for row in zip(*drawn):
            yield "    ".join(cell.ljust(width) for cell in row).rstrip()


def share_of(sight, l, h):
    """Return what a head adds to the logit of the target."""
    return sight.shares[f"head {l}.{h}"]


def title_of(sight, l, h):
    """Return the title of the map of a head, with its share."""
    return f"block {l}, head {h} ({share_of(sight, l, h):+.2f})"


def map_of(sight, l, h, shown, wide):
    """Return the lines of the map of a head: its title, the tokens above, a row a token."""
    above = "".join(initial(sight.words[t]).ljust(wide) for t in shown)
    rows = [f"{short(sight.words[t]):<8}" + "".join(
        shade(sight.weights[l, h, t, s]).ljust(wide) for s in shown if s <= t) for t in shown]
    return [title_of(sight, l, h), f"{'':<8}{above}", *rows]


def shade(weight):
    """Return the character of a weight."""
    return SHADES[sum(weight >= step for step in STEPS)]


def initial(word):
    """Return one character for a token: its first that is no space."""
    return word.strip()[0] if word.strip() else "_"


def lens_table(sight):
    """Yield what the model would say after each block: a row a token, or of many blocks a row each.
    """
    T, depths = len(sight.words), len(sight.guesses)
    yield "The likeliest next token after each block, were it the last one"
    if depths > (WIDTH - 8) // (CELL + 1):
        yield from lens_by_depth(sight)
        return
    if T > ROWS:
        yield f"the last {ROWS} of {tokens(T)}"
    yield f"{'':<8}" + "".join(f"{depth_name(d):<{CELL + 1}}" for d in range(depths)).rstrip()
    for t in range(max(0, T - ROWS), T):
        cells = (guessed(sight, d, t) for d in range(depths))
        yield f"{short(sight.words[t]):<8}" + "".join(cells).rstrip()


def lens_by_depth(sight):
    """Yield a row for each depth: what the last tokens would be followed by, and how likely it is
    that the last one is by the target."""
    T, depths = len(sight.words), len(sight.guesses)
    shown = range(max(0, T - 5), T)
    yield (f"after the last {len(shown)} of {tokens(T)}; " * (T > 5)
           + f"on the right the probability of {short(sight.target, WORD)}")
    yield f"{'':<9}" + "".join(f"{short(sight.words[t]):<{CELL + 1}}" for t in shown).rstrip()
    rows = spread(depths, DEEP)
    for d in rows:
        yield (f"{depth_name(d):<9}" + "".join(guessed(sight, d, t) for t in shown)
               + f"{sight.rise[d]:>8.3f}")
    if len(rows) < depths:
        yield f"{len(rows)} of {depths} depths"


def depth_name(d):
    """Return the name of a depth of the stream: the last block that has written."""
    return f"block {d - 1}" if d else "embedded"


def guessed(sight, d, t):
    """Return a cell: what a depth would follow a token with, and its probability."""
    return f"{short(sight.guesses[d][t]):<6} {decimals(sight.chances[d, t])}".ljust(CELL + 1)


def spread(count, most):
    """Return the numbers below count, or so many of them, evenly: the first and the last too."""
    return sorted({round(i * (count - 1) / (most - 1)) for i in range(most)}
                  if count > most else range(count))


def attribution(sight):
    """Yield what each part adds to the logit of the target: the largest, and the rest in one."""
    order = sorted(sight.shares, key=lambda name: -abs(sight.shares[name]))
    rows = [(name, sight.shares[name]) for name in order[:PARTS]]
    if rest := order[PARTS:]:
        rows.append((f"{len(rest)} others", sum(sight.shares[name] for name in rest)))
    yield f"What adds up to the logit of {short(sight.target, WORD)}"
    most = max(abs(value) for _, value in rows) or 1
    for name, value in rows:
        bar = ("#" if value > 0 else "-") * round(BAR * abs(value) / most)
        yield f"{name:<12}{value:>8.2f}  {bar}".rstrip()
    yield f"{'sum':<12}{sum(sight.shares.values()):>8.2f}  the logit"


def patches(sight):
    """Yield what a place of the prompt's stream brings back in the other's run."""
    found, T = sight.patching, len(sight.words)
    L = len(found.restored)
    clean, corrupted = found.gaps
    yield (f"Patching: the logit of {short(sight.target, WORD)} less that of "
           f"{short(found.rival, WORD)}")
    yield (f"it is {clean:.2f} after the prompt, {corrupted:.2f} after the other; what the "
           "prompt's stream,")
    yield "put in at one token before one block, brings back of that"
    effect = np.abs(found.restored).max(0)                                    # (T,)
    deep = L > (WIDTH - 18) // 8
    most = sorted(range(T), key=lambda t: -effect[t])[:(WIDTH - 9) // 8 if deep else ROWS]
    shown = sorted(t for t in most if effect[t] >= LEAST)
    yield from (patches_by_block if deep else patches_by_token)(found, sight.words, shown)
    if len(shown) < T:
        yield (f"left out: {tokens(T - len(shown))} more, of which none brings back "
               f"{max(LEAST, effect[most[-1]]):.2g}")


def patches_by_token(found, words, shown):
    """Yield a row for each of the tokens: what it brings back before each block."""
    yield f"{'':<18}" + "".join(f"{f'block {l}':>8}" for l in range(len(found.restored)))
    for t in shown:
        ours, theirs = short(words[t]), short(found.words[t])
        pair = ours if ours == theirs else f"{ours} for {theirs}"
        yield f"{pair:<18}" + rounded_cells(found.restored[:, t])


def patches_by_block(found, words, shown):
    """Yield a row for each block, or some: what each of the tokens brings back before it."""
    yield f"{'':<9}" + "".join(f"{short(words[t]):>8}" for t in shown)
    if any(words[t] != found.words[t] for t in shown):
        yield f"{'for':<9}" + "".join(
            f"{short(found.words[t]) if words[t] != found.words[t] else '':>8}"
            for t in shown).rstrip()
    for l in spread(len(found.restored), DEEP):
        yield f"{f'block {l}':<9}" + rounded_cells(found.restored[l, shown])


def rounded_cells(row):
    """Return cells of numbers to 2 digits, none of them -0.00."""
    return "".join(f"{value + 0.0:>8.2f}" for value in np.round(row, 2))
