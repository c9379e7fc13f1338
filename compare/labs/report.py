"""What a lab found, as lines of text: its claims, each beside its control, and its numbers."""

from ..layers.labs import LABS
from ..words import counted
from .run import NAMES


def shown_number(value):
    """Return a number in a few characters: 0.997, 1, 13,152, 2.3e-13."""
    return f"{int(value):,}" if value == round(value, 0) and abs(value) < 1e9 else f"{value:.3g}"


def span(values):
    """Return the least and the largest of some numbers in words: "0.98 to 1"."""
    low, high = shown_number(min(values)), shown_number(max(values))
    return low if low == high else f"{low} to {high}"


def allowed_words(claim):
    """Return what a claim allows in words: "from 0.95", "up to 0.1", "0.4 to 0.6"."""
    low, high = shown_limit(claim.low), shown_limit(claim.high)
    if low and high:
        return low if low == high else f"{low} to {high}"
    return f"from {low}" if low else f"up to {high}"


def shown_limit(value):
    """Return a limit as it is shown, "" for none."""
    return shown_number(value) if abs(value) != float("inf") else ""


def verdict_of(claim, log):
    """Return whether a claim held, in words: "held", "held in 2 of 3", "not held", or what of its
    control: "so does the control"."""
    right = [claim.allows(one.numbers[claim.number]) for one in log.measured]
    if not all(right):
        return f"held in {sum(right)} of {log.seeds}" if any(right) else "not held"
    if claim.control and any(claim.allows(one.numbers[claim.control]) for one in log.measured):
        return "so does the control"
    return "held"


def table_of(log):
    """Yield the lines of what was claimed, measured and held, and of every number."""
    lab = LABS[log.lab]
    sides = " and ".join(NAMES[name] for name in log.sides)
    apart = f", which are at most {log.apart:.0e} apart" if len(log.sides) > 1 else ""
    yield f"{lab.stem}: {lab.says}"
    yield f"{counted(log.seeds, 'seed')} with {sides}{apart}"
    yield ""
    rows = [("claim", "measured", "control", "claimed", "")]
    for claim in lab.claims:
        values, controls = ([one.numbers[name] for one in log.measured] if name else None
                            for name in (claim.number, claim.control))
        rows.append((claim.says, span(values), span(controls) if controls else "",
                     allowed_words(claim), verdict_of(claim, log)))
    yield from aligned(rows)
    yield ""
    numbers = [("all that was measured", *(f"seed {i}" for i in range(log.seeds)))]
    numbers += [(name, *(shown_number(one.numbers[name]) for one in log.measured))
                for name in log.measured[0].numbers]
    yield from aligned(numbers)


def aligned(rows):
    """Yield the rows of a table with their columns below each other, the first to the left."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    for first, *others in rows:
        cells = [first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(others, widths[1:]))]
        yield "  ".join(cells).rstrip()
