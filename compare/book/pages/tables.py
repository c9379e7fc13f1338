"""Arrays as tables of a page: what a line of NumPy makes, beside torch's of the same."""

import collections
import itertools
import re
from html import escape

import numpy as np


def tables(numbers):
    """Return the Numbers of one tag as HTML, NumPy's and torch's side by side.

    What a line makes several times is counted; a reason that several share is given once.
    """
    runs, times = collections.Counter(number.name for number in numbers), collections.Counter()
    pieces = []
    for number, following in itertools.zip_longest(numbers, numbers[1:]):
        times[number.name] += 1
        count = runs[number.name]
        time = f", time {times[number.name]} of {count}" if count > 1 else ""
        shared = following and following.twin is None is number.twin and following.why == number.why
        pieces.append(one(number, time, told=not shared))
    return "\n".join(pieces)


def example_table(words, arrays):
    """Return arrays by name as HTML, below words on their sizes."""
    cells = "".join(f'<div><p class="side"><code>{escape(name)}</code> {np.shape(a) or ""}</p>'
                    f"{array(np.asarray(a), escape(name))}</div>" for name, a in arrays.items())
    return f'<div class="number"><p>{escape(words)}</p><div class="sides">{cells}</div></div>'


def one(number, time="", told=True):
    """Return one Number: its name, shape and time, the arrays, and, if told, how far they are apart
    or why there is no twin."""
    value = np.asarray(number.value)
    sides = [("NumPy", value)]
    if number.before is not None:
        sides = [("NumPy, before the line", number.before), ("after it", value)]
    if number.twin is not None:
        sides.append((f"torch: <code>{escape(number.expression)}</code>", number.twin))
        note = f"largest difference {number.difference:.1e}"
    else:
        note = f"no twin in torch: {escape(number.why)}"
    name = escape(number.name)
    cells = "".join(f'<div><p class="side">{side}</p>'
                    f'{array(np.asarray(a), f"{name}, {side}")}</div>' for side, a in sides)
    size = f" {value.shape}" if value.shape else ""
    note = f'<p class="note">{note}</p>' if told else ""
    return (f'<div class="number"><p><code>{name}</code>{size}{time}</p>'
            f'<div class="sides">{cells}</div>{note}</div>')


def array(a, called):
    """Return an array as a table, or as a table for each place on its axes but the last two.

    called, in HTML, says whose it is to those who hear the table away from the words above it.
    """
    if a.ndim == 0:
        return f"<p><code>{entry(a[()])}</code></p>"
    a = np.atleast_2d(a)
    return "".join(matrix(a[place], [i for i, n in zip(place, a.shape) if n > 1], called)
                   for place in np.ndindex(a.shape[:-2]))


def matrix(a, place, called):
    """Return a matrix as a table, with its place among others if there are any."""
    where = f"[{', '.join(map(str, place))}]" if place else ""
    caption = where and f"<caption>{where}</caption>"
    label = re.sub("<[^>]*>", "", called) + (where and f" {where}")
    rows = "".join(f"<tr>{''.join(f'<td>{entry(x)}</td>' for x in row)}</tr>" for row in a)
    return f'<table class="array" aria-label="{label}">{caption}<tbody>{rows}</tbody></table>'


def entry(x):
    """Return a number in four digits after the point, a whole one or a bool as it is."""
    if isinstance(x, (bool, np.bool_, int, np.integer)):
        return str(int(x))
    if np.isnan(x):
        return "\u2013"  # memory that nothing was written into yet
    if np.isinf(x):
        return "\u221e" if x > 0 else "\u2212\u221e"
    words = f"{x:.4f}" if 1e-3 <= abs(x) < 1e4 or x == 0 else f"{x:.3g}"
    return words.replace("-", "\u2212")
