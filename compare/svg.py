"""What pictures are drawn with: each function returns a piece of SVG, and figure() joins them.

A length is in units of the picture. It is WIDTH of them wide, and text is SIZE of them high: on a
phone, 360 pixels wide, that is 12 pixels. A colour is a name of COLORS: a custom property of the
page, which changes with its scheme, and the light one where the page has none.
"""

from html import escape
from math import atan2, cos, hypot, pi, sin
from typing import NamedTuple

import numpy as np

WIDTH, SIZE = 480, 16
COLORS = {  # in a light scheme and in a dark one
    "ink": ("#1b1b1b", "#e9e7e2"), "muted": ("#5c6066", "#a9adb3"),
    "paper": ("#ffffff", "#16181b"), "line": ("#c9cbce", "#474b51"),
    "one": ("#0b6b57", "#4fc3a5"), "two": ("#b4560b", "#f0a060"), "three": ("#5b3fa8", "#b39ddb")}
SANS, MONO = "system-ui,sans-serif", "ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace"
TINT = 0.45  # the opacity of the largest number of a heat map; the text on it stays readable


class Figure(NamedTuple):
    """A picture of a layer."""

    svg: str
    title: str  # what it shows, in a few words
    text: str   # the caption: what to see


def figure(height, title, caption, *pieces, role="img", width=WIDTH):
    """Return the Figure of pieces, with a title and a caption; its role is "group" if there are
    links in it, which those who hear an image would not find.

    One of another width than WIDTH is not made narrower on a narrow page.
    """
    least = "" if width == WIDTH else f"min-width:{_short(width)}px;"
    head = (f'<svg viewBox="0 0 {_short(width)} {_short(height)}" role="{role}" '
            f'aria-label="{escape(title)}" style="width:100%;max-width:{width * 1.2:g}px;{least}'
            f'height:auto;font-family:{SANS}">')
    svg = "\n".join([head, f"<desc>{escape(caption)}</desc>", *pieces, "</svg>"])
    return Figure(svg, title, caption)


def standalone(svg):
    """Return a picture as a file of its own: its paper and its colours are those of the reader's
    scheme."""
    light, dark = (";".join(f"--{name}:{pair[i]}" for name, pair in COLORS.items()) for i in (0, 1))
    style = (f"<style>svg{{{light};background:var(--paper)}}"
             f"@media (prefers-color-scheme:dark){{svg{{{dark}}}}}</style>")
    head, _, rest = svg.partition("\n")
    return f'<svg xmlns="http://www.w3.org/2000/svg"{head.removeprefix("<svg")}\n{style}\n{rest}\n'


def text(x, y, words, *, color="ink", size=SIZE, anchor="middle", bold=False, code=False):
    """Return a line of text whose middle height is y; what stands in `backticks` is code, with
    code=True all of it.

    anchor says which end of it is at x: "start", "middle" or "end".
    """
    pieces = ["", escape(words)] if code else escape(words).split("`")
    spans = [f'<tspan style="font-family:{MONO}">{part}</tspan>' if i % 2 else part
             for i, part in enumerate(pieces) if i % 2 or part]
    weight = ' font-weight="600"' if bold else ""
    return (f'<text x="{_short(x)}" y="{_short(y + 0.35 * size)}" font-size="{_short(size)}" '
            f'text-anchor="{anchor}"{weight} style="{_fill(color)}">{"".join(spans)}</text>')


def shown(number, digits=2):
    """Return a number as a picture prints it, with a real minus sign and no -0."""
    words = f"{number:.{digits}f}"
    return f"{float(words) + 0.0:.{digits}f}".replace("-", "\u2212")


def line(x1, y1, x2, y2, *, color="line", width=1.5, dash=None):
    """Return a straight line; dash is a pattern such as "4 4"."""
    return path([(x1, y1), (x2, y2)], color=color, width=width, dash=dash)


def path(points, *, color="ink", width=2, dash=None):
    """Return the line through points (x, y)."""
    corners = "L".join(f"{_short(x)} {_short(y)}" for x, y in points)
    return _stroke(f"M{corners}", color, width, dash)


def bend(x1, y1, x2, y2, *, color="ink", width=2, upright=False):
    """Return a curve that leaves and arrives level, or upright."""
    mx, my = (x1 + x2) / 2, (y1 + y2) / 2
    controls = (x1, my, x2, my) if upright else (mx, y1, mx, y2)
    numbers = " ".join(map(_short, (*controls, x2, y2)))
    return _stroke(f"M{_short(x1)} {_short(y1)}C{numbers}", color, width)


def arrow(x1, y1, x2, y2, *, color="ink", width=2, head=8):
    """Return a straight line with a head at its second end."""
    length = hypot(x2 - x1, y2 - y1)
    back = 1 - 0.8 * head / length  # the line ends inside of the head
    stem = line(x1, y1, x1 + back * (x2 - x1), y1 + back * (y2 - y1), color=color, width=width)
    return stem + arrowhead(x2, y2, atan2(y2 - y1, x2 - x1), color=color, size=head)


def arrowhead(x, y, angle, *, color="ink", size=8):
    """Return a triangle with its tip at (x, y), turned to an angle: 0 is right, pi / 2 down."""
    corners = [(x, y)] + [(x + size * cos(angle + side), y + size * sin(angle + side))
                          for side in (pi - 0.45, pi + 0.45)]
    points = " ".join(f"{_short(a)},{_short(b)}" for a, b in corners)
    return f'<polygon points="{points}" style="{_fill(color)}"/>'


def rect(x, y, width, height, *, fill=None, opacity=1, edge=None, edge_width=1, corner=0):
    """Return a rectangle, filled and edged with colours, or with none."""
    style = _fill(fill, opacity) if fill else "fill:none"
    if edge:
        style += f";stroke:{_paint(edge)};stroke-width:{_short(edge_width)}"
    round_off = f' rx="{_short(corner)}"' if corner else ""
    return (f'<rect x="{_short(x)}" y="{_short(y)}" width="{_short(width)}" '
            f'height="{_short(height)}"{round_off} style="{style}"/>')


def dot(x, y, *, color="ink", radius=4):
    """Return a round point."""
    place = f'cx="{_short(x)}" cy="{_short(y)}" r="{_short(radius)}"'
    return f'<circle {place} style="{_fill(color)}"/>'


def cells(x, y, matrix, width, height, *, digits=2, largest=None, size=SIZE):
    """Return a matrix as cells of a width and a height: the tint is one where positive, two where
    negative, and full at the largest number.

    digits=None prints no numbers.
    """
    matrix = np.atleast_2d(matrix)
    largest = largest or np.abs(matrix).max() or 1
    pieces = []
    for (row, column), number in np.ndenumerate(matrix):
        left, top = x + column * width, y + row * height
        color, share = "one" if number > 0 else "two", min(abs(number) / largest, 1)
        pieces.append(rect(left, top, width, height, fill=color, opacity=TINT * share, edge="line"))
        if digits is not None:
            pieces.append(text(left + width / 2, top + height / 2, f"`{shown(number, digits)}`",
                               size=size))
    return "".join(pieces)


def bars(x, y, numbers, step, unit, *, color="one", below=None, digits=2, size=SIZE):
    """Return a bar for each number, a step from the last, on the level y; 1 is unit high.

    Negative ones hang, in the colour below where it is given. digits=None prints no numbers.
    """
    pieces = [line(x, y, x + step * len(numbers), y, color="muted", width=1)]
    for i, number in enumerate(numbers):
        left, high = x + (i + 0.15) * step, abs(number) * unit
        paint = below if below and number < 0 else color
        pieces.append(rect(left, y - high if number > 0 else y, 0.7 * step, high, fill=paint))
        if digits is not None:
            gap = -0.7 * size if number >= 0 else 0.8 * size
            pieces.append(text(left + 0.35 * step, y - number * unit + gap,
                               f"`{shown(number, digits)}`", size=size))
    return "".join(pieces)


class Plot(NamedTuple):
    """A rectangle of the picture, and the ranges of the numbers that it shows."""

    x: float
    y: float
    width: float
    height: float
    across: tuple  # from the left to the right
    up: tuple      # from the bottom to the top

    def at(self, u, v):
        """Return where in the picture a point of the plot is."""
        return (self.x + self.width * (u - self.across[0]) / (self.across[1] - self.across[0]),
                self.y + self.height * (self.up[1] - v) / (self.up[1] - self.up[0]))

    def axes(self, us, vs, digits=0):
        """Return the lines at 0, and the numbers us below the plot and vs on its left."""
        (left, right), (bottom, top) = self.across, self.up
        u0, v0 = min(max(0, left), right), min(max(0, bottom), top)
        pieces = [line(*self.at(left, v0), *self.at(right, v0), color="muted", width=1),
                  line(*self.at(u0, bottom), *self.at(u0, top), color="muted", width=1)]
        for u in us:
            x, y = self.at(u, bottom)
            pieces += [line(x, y, x, y + 5, color="muted"),
                       text(x, y + 17, shown(u, digits), color="muted")]
        for v in vs:
            x, y = self.at(left, v)
            pieces += [line(x - 5, y, x, y, color="muted"),
                       text(x - 9, y, shown(v, digits), color="muted", anchor="end")]
        return "".join(pieces)

    def curve(self, us, vs, *, color="one", width=2.5, dash=None):
        """Return the line through the points (u, v) that are in sight."""
        inside = [self.up[0] <= v <= self.up[1] for v in vs]
        runs, last = [], False
        for u, v, seen in zip(us, vs, inside):
            if seen and not last:
                runs.append([])
            if seen:
                runs[-1].append(self.at(u, v))
            last = seen
        return "".join(path(run, color=color, width=width, dash=dash) for run in runs)


def _short(number):
    """Return a number rounded to 0.1, without needless digits."""
    return f"{round(float(number), 1) + 0.0:g}"


def _paint(color):
    return f"var(--{color},{COLORS[color][0]})"


def _fill(color, opacity=1):
    return f"fill:{_paint(color)}" + (f";fill-opacity:{opacity:.2g}" if opacity < 1 else "")


def _stroke(data, color, width, dash=None):
    dots = f";stroke-dasharray:{dash}" if dash else ""
    return (f'<path d="{data}" style="fill:none;stroke:{_paint(color)};stroke-width:{_short(width)}'
            f';stroke-linejoin:round;stroke-linecap:round{dots}"/>')
