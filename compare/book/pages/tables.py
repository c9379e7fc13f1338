"""Arrays as tables of a page: what a line of NumPy makes, beside torch's of the same."""

import re
from html import escape

import numpy as np


def tables(numbers):
    """Return the Numbers of one tag as HTML, NumPy's and torch's side by side."""
    return "\n".join(map(one, numbers))


def example_table(words, arrays):
    """Return arrays by name as HTML, below words on their sizes."""
    cells = "".join(f'<div><p class="side"><code>{escape(name)}</code> {np.shape(a) or ""}</p>'
                    f"{array(np.asarray(a), escape(name))}</div>" for name, a in arrays.items())
    return f'<div class="number"><p>{escape(words)}</p><div class="sides">{cells}</div></div>'


def one(number):
    """Return one Number: its name and shape, the arrays, and how far they are apart."""
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
    cells = "".join(f'<div><p class="side">{side}</p>{array(np.asarray(a), f"{name}, {side}")}</div>'
                    for side, a in sides)
    size = f" {value.shape}" if value.shape else ""
    return (f'<div class="number"><p><code>{name}</code>{size}</p>'
            f'<div class="sides">{cells}</div><p class="note">{note}</p></div>')


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
