"""What a wrong gradient is, next to the right one: so many times it, or it and another array."""

import itertools

import numpy as np

NEAR = 1e-8
POWERS = (1, -1, 0.5, -0.5, 2, -2)


def close(a, b):
    """Whether two arrays of one shape are equal but for rounding."""
    return a.shape == b.shape and bool(
        np.abs(a - b).max(initial=0.0) <= NEAR * max(np.abs(b).max(initial=0.0), 1e-6))


def factor(pairs):
    """A constant factor, in terms of the sizes and options."""
    measured = []
    for case, mine, truth in pairs:
        if mine.shape != truth.shape:
            return None
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
            for powers in itertools.product(POWERS, repeat=count):
                rest = [k / np.prod([n[letter] ** p for letter, p in zip(chosen, powers)])
                        for n, k in measured]
                if max(rest) - min(rest) <= NEAR * max(map(abs, rest)):
                    return (f"it is the right one times {spelled(rest[0], chosen, powers)}"
                            + (", where `counted` is the number of counted targets"
                               if "counted" in chosen else ""))
    return "it is the right one times a number that differs from example to example"


def sizes_of(case):
    """Return the sizes by letter, and what else a factor may hold: C where it is H times D, the
    number of counted targets, the rate where there is dropout, the block, the rows."""
    sizes, inputs, options = dict(case.sizes), case.example.inputs, case.example.options
    if "targets" in inputs:
        sizes["counted"] = int((inputs["targets"] != options["ignore_index"]).sum())
    if "H" in sizes and "D" in sizes:
        sizes["C"] = sizes["H"] * sizes["D"]
    if "rate" in options:
        drops = "keep" in inputs or case.example.constants.get("keep") is not None
        sizes["(1 - rate)"] = 1 - options["rate"] if drops else 1.0
        sizes["rate"] = options["rate"] if drops else 1.0
    if "block" in options:
        sizes["block"] = options["block"]
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


def arrays_near(case):
    """Return the arrays that a gradient may be taken for, by what they are called."""
    near = {"dy": case.dy, "the output": case.truth["output"]}
    near |= {name: a for name, a in case.example.inputs.items() if a.dtype.kind == "f"}
    return near | {f"the right {name.replace('d ', 'd', 1)}": a
                   for name, a in case.truth.items() if name != "output"}


def another(pairs):
    """Another array than the gradient, or the right one with another added or as a factor."""
    big = [pair for pair in pairs if pair[2].size > 1] or pairs
    near = [arrays_near(case) for case, _, _ in big]
    for words, test in (
            ("it is {} itself", lambda mine, truth, a: close(mine, a)),
            ("it is {} with its sign flipped", lambda mine, truth, a: close(mine, -a)),
            ("it is the right one plus {}", lambda mine, truth, a: close(mine - truth, a)),
            ("it is the right one minus {}", lambda mine, truth, a: close(truth - mine, a)),
            ("it is the right one times {}, entry by entry",
             lambda mine, truth, a: close(mine, truth * a)),
            ("it is the right one divided by {}, entry by entry",
             lambda mine, truth, a: close(mine * a, truth) and truth.any())):
        for name in near[0]:
            if all(arrays[name].shape == truth.shape and test(mine, truth, arrays[name])
                   for arrays, (_, mine, truth) in zip(near, big)):
                return words.format(name)
    return None
