"""The loss curve of a run, in characters and in SVG."""

from ..files.whole import written_whole


def curves(entries):
    """Return the points (step, loss) of the two curves, by name."""
    return {"training": [(e.step, e.loss) for e in entries],
            "validation": [(e.step, e.valid) for e in entries if e.valid is not None]}


class Frame:
    """Where a point of the curves stands in a picture of a width and a height."""

    def __init__(self, entries, width, height):
        points = [point for curve in curves(entries).values() for point in curve]
        self.left, self.right = 0, max(step for step, _ in points)
        self.low = min(loss for _, loss in points)
        self.high = max(max(loss for _, loss in points), self.low + 1e-9)
        self.width, self.height = width, height

    def place(self, step, loss):
        """Return (x, y) from the upper left corner."""
        x = step / max(1, self.right) * self.width
        return x, (self.high - loss) / (self.high - self.low) * self.height


def text_plot(entries, width=64, height=12):
    """Return the loss curves in plain characters: . for training, o for validation."""
    frame = Frame(entries, width - 1, height - 1)
    cells = [[" "] * width for _ in range(height)]
    for mark, points in zip(".o", curves(entries).values()):
        for point in points:
            x, y = frame.place(*point)
            cells[round(y)][round(x)] = mark
    lines = [f"{'':>8} |{''.join(row)}" for row in cells]
    lines[0] = f"{frame.high:>8.3f}{lines[0][8:]}"
    lines[-1] = f"{frame.low:>8.3f}{lines[-1][8:]}"
    foot = f"{'':>8} +{'-' * width}\n{'':>9} 0{frame.right:>{width - 1}}"
    lines = [*(line.rstrip() for line in lines), foot, f"{'':>10} . training   o validation"]
    return "\n".join(lines)


SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 400" font-family="sans-serif" \
font-size="13">
<title>{title}</title>
<rect width="720" height="400" fill="white"/>
<g transform="translate(60 30)">
{grid}
<polyline fill="none" stroke="#4878a8" stroke-width="1.5" points="{training}"/>
<polyline fill="none" stroke="#c05020" stroke-width="2.5" points="{validation}"/>
<text x="600" y="-10" text-anchor="end" fill="#4878a8">training</text>
<text x="530" y="-10" text-anchor="end" fill="#c05020">validation</text>
<text x="0" y="-10">loss</text>
<text x="600" y="350" text-anchor="end">step {last}</text>
</g>
</svg>
"""
LINE = ('<line x1="0" x2="600" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>'
        '<text x="-8" y="{text:.1f}" text-anchor="end">{loss:.2f}</text>')


def write_svg(path, entries, title="loss"):
    """Write the loss curves as a picture."""
    frame = Frame(entries, 600, 320)
    losses = [frame.low + (frame.high - frame.low) * k / 4 for k in range(5)]
    grid = "\n".join(LINE.format(y=frame.place(0, loss)[1], text=frame.place(0, loss)[1] + 4,
                                 loss=loss) for loss in losses)
    lines = {name: " ".join("{:.1f},{:.1f}".format(*frame.place(*p)) for p in points)
             for name, points in curves(entries).items()}
    with written_whole(path) as file:
        file.write(SVG.format(title=title, grid=grid, last=frame.right, **lines).encode())
