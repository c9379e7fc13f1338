"""Two columns of code, aligned by equation tag and folded to a width."""

import textwrap

from ..layers.source import tags


def align(left, right):
    """Return rows (left line, right line), a line on the right beside the tag that it shares."""
    rows, done = [], 0
    tagged = [i for i, line in enumerate(right) if tags(line)]
    first = {tag: i for i in reversed(tagged) for tag in tags(right[i])[:1]}
    for line in left:
        targets = [first[tag] for tag in tags(line) if tag in first and first[tag] >= done]
        if not targets:
            rows.append((line, ""))
            continue
        pending = right[done : targets[0]]
        done = targets[0] + 1
        # fill the empty right side above this row with the lines that lead up to the tagged one
        free = 0
        while free < min(len(pending), len(rows)) and not rows[-1 - free][1]:
            free += 1
        head = pending[: len(pending) - free]
        at = len(rows) - free
        rows[at:at] = [("", text) for text in head]
        for i, text in enumerate(pending[len(head):]):
            rows[at + len(head) + i] = (rows[at + len(head) + i][0], text)
        rows.append((line, right[done - 1]))
    rows += [("", text) for text in right[done:]]
    return rows


def side_by_side(left, right, width):
    """Yield the pieces of two lines of code, each folded to the width, line for line."""
    a, b = fold(left, width), fold(right, width)
    height = max(len(a), len(b), 1)
    yield from zip(a + [""] * (height - len(a)), b + [""] * (height - len(b)))


def fold(line, width):
    """Return a line of code in pieces no wider than width: first the comment moves below."""
    code, mark, comment = line.partition("  #")
    code, note = code.rstrip(), "# " + " ".join(comment.split())
    short = f"{code}  {note}" if mark else code
    if len(line) <= width:
        return [line] if line else []
    if len(short) <= width:
        return [short]
    indent = " " * (len(code) - len(code.lstrip()))
    pieces = textwrap.wrap(code.strip(), width, initial_indent=indent,
                           subsequent_indent=indent + "    ", break_long_words=False)
    if mark:
        pieces += textwrap.wrap(note, width, initial_indent=indent + "    ",
                                subsequent_indent=indent + "    # ")
    return pieces
