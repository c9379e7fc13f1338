"""What can be told of a wrong gradient that no known mistake explains."""

import itertools

import numpy as np

NEAR = 1e-8


def tell(name, found):
    """Return sentences about the gradient `name` of the student's results, the strongest first."""
    pairs = [(case, results[name], case.truth[name]) for case, results in found]
    for rule in RULES:
        if sentence := rule(pairs):
            return [sentence]
    return [s for rule in PARTIAL if (s := rule(pairs))]


def shape(pairs):
    """The wrong shape, and what is known about it."""
    for case, mine, truth in pairs:
        if mine.shape == truth.shape:
            continue
        words = f"it has the shape {mine.shape} where {truth.shape} is right, at {case.place}"
        if mine.shape == truth.shape[::-1] and close(mine.T, truth):
            return f"{words}: it is the transpose of the right one"
        if mine.size == truth.size and close(mine.reshape(truth.shape), truth):
            return f"{words}, but it holds the right numbers"
        for count in range(1, mine.ndim - truth.ndim + 1):
            if close(mine.sum(tuple(range(count))), truth):
                return f"{words}: it is not summed over its first {count} of the axes"
        return words
    return None


def precision(pairs):
    """Right, but in another dtype than what came in."""
    if all(mine.dtype != truth.dtype and np.allclose(mine, truth, rtol=1e-5, atol=1e-5)
           for _, mine, truth in pairs):
        return f"it is right, but {pairs[0][1].dtype}, where {pairs[0][2].dtype} came in"
    return None


def constant(pairs):
    """All zero, or not a number."""
    if all(not mine.any() for _, mine, _ in pairs):
        return "it is zero everywhere"
    for case, mine, _ in pairs:
        if not np.isfinite(mine).all():
            return f"it holds NaN or infinity, first at {case.place}"
    return None


def factor(pairs):
    """A constant factor, in terms of the sizes."""
    measured = []
    for case, mine, truth in pairs:
        size = float((truth * truth).sum())
        if size < 1e-6:
            continue
        k = float((mine * truth).sum()) / size
        if not close(mine, k * truth):
            return None
        measured.append((sizes_of(case), k))
    if len(measured) < 3 or all(abs(k) < NEAR for _, k in measured):
        return None
    letters = [letter for letter in measured[0][0] if len({n[letter] for n, _ in measured}) > 1]
    for count in range(3):
        for chosen in itertools.combinations(letters, count):
            for powers in itertools.product((1, -1, 0.5, -0.5, 2, -2), repeat=count):
                rest = [k / np.prod([n[letter] ** p for letter, p in zip(chosen, powers)])
                        for n, k in measured]
                if max(rest) - min(rest) <= NEAR * max(map(abs, rest)):
                    return (f"it is the right one times {spelled(rest[0], chosen, powers)}"
                            + (", where `counted` is the number of counted targets"
                               if "counted" in chosen else ""))
    return "it is the right one times a number that differs from example to example"


def sizes_of(case):
    """Return the sizes by letter, C among them where it is H times D, and how many targets count."""
    sizes, inputs = dict(case.sizes), case.example.inputs
    if "targets" in inputs:
        sizes["counted"] = int((inputs["targets"] != case.example.options["ignore_index"]).sum())
    if "H" in sizes and "D" in sizes:
        sizes["C"] = sizes["H"] * sizes["D"]
    return sizes


def spelled(k, letters, powers):
    """Return a factor in words: "2 / (B T)"."""
    roots = {1: "{}", 0.5: "sqrt({})", 2: "{}^2"}
    above = [roots[p].format(letter) for letter, p in zip(letters, powers) if p > 0]
    below = [roots[-p].format(letter) for letter, p in zip(letters, powers) if p < 0]
    number = f"{k:.6g}"
    top = " ".join(([] if number == "1" and above else [number]) + above)
    bottom = below[0] if len(below) == 1 else f"({' '.join(below)})"
    return f"{top} / {bottom}" if below else top


def transposed(pairs):
    """The transpose, of square arrays too."""
    square = [(mine, truth) for _, mine, truth in pairs
              if truth.ndim >= 2 and truth.shape[-1] == truth.shape[-2] > 1]
    if square and all(close(mine.swapaxes(-1, -2), truth) for mine, truth in square):
        return "it is the transpose of the right one"
    return None


def where_right(pairs):
    """The conditions under which it is right."""
    right = [close(mine, truth) for _, mine, truth in pairs]
    if not any(right) or all(right):
        return None
    conditions = {f"{letter} = 1": [case.sizes[letter] == 1 for case, _, _ in pairs]
                  for letter in pairs[0][0].layer.letters}
    conditions["the norm's weight is 1"] = [case.plain for case, _, _ in pairs]
    for name in pairs[0][0].example.masks:
        conditions[f"there is no {name}"] = [case.example.masks[name] is None
                                             for case, _, _ in pairs]
    told = [words for words, holds in conditions.items()
            if any(holds) and not all(holds)
            and all(r for r, h in zip(right, holds) if h)
            and sum(not r for r, h in zip(right, holds) if not h) >= sum(not h for h in holds) / 2]
    return f"it is right where {' and where '.join(told)}, and wrong elsewhere" if told else None


def rows(pairs):
    """Right but for the first or last entry along an axis."""
    for end, index in ("last", -1), ("first", 0):
        for axis in range(-3, 0):
            long = [(mine, truth) for _, mine, truth in pairs
                    if truth.ndim >= -axis and truth.shape[axis] > 1]
            if len(long) >= 3 and all(
                    close(np.delete(mine, index, axis), np.delete(truth, index, axis))
                    for mine, truth in long):
                return f"it is right but for the {end} entry along axis {axis}"
    return None


def size(pairs):
    """How far off it is, and whether it points the right way."""
    case, mine, truth = [pair for pair in pairs if not close(*pair[1:])][-1]
    cosine = (mine * truth).sum() / max(np.sqrt((mine**2).sum() * (truth**2).sum()), 1e-300)
    ratio = np.sqrt((mine**2).sum() / max((truth**2).sum(), 1e-300))
    return (f"at {case.place} it is {ratio:.3g} times as long as the right one, "
            f"and the cosine between them is {cosine:.3g}")


def close(a, b):
    """Whether two arrays of one shape are equal but for rounding."""
    return a.shape == b.shape and bool(
        np.abs(a - b).max(initial=0.0) <= NEAR * max(np.abs(b).max(initial=0.0), 1e-6))


RULES = [shape, precision, constant, factor, transposed]
PARTIAL = [where_right, rows, size]
