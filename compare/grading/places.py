"""Where a wrong gradient is right: in which examples, entries, rows, thirds and heads."""

import itertools

import numpy as np

from .factors import close, factor, sizes_of


def right_in_examples(pairs):
    """The conditions on an example under which it is right."""
    right = [close(mine, truth) for _, mine, truth in pairs]
    if not any(right) or all(right):
        return None
    told = [words for words, holds in conditions(pairs).items()
            if any(holds) and not all(holds)
            and all(r for r, h in zip(right, holds) if h)
            and sum(not r for r, h in zip(right, holds) if not h) >= sum(not h for h in holds) / 2]
    return f"it is right where {' and where '.join(told)}, and wrong elsewhere" if told else None


def conditions(pairs):
    """Return by what they say the lists of where the conditions hold."""
    layer = pairs[0][0].layer
    found = {f"{letter} = 1": [case.sizes[letter] == 1 for case, _, _ in pairs]
             for letter in layer.letters}
    found["the norm's weight is 1"] = [case.plain for case, _, _ in pairs]
    for name in pairs[0][0].example.constants:
        found[f"there is no {name}"] = [
            case.example.constants[name] is None for case, _, _ in pairs]
    for words, shows in layer.shows.items():
        if words.split()[0] in ("a", "an", "more") and not pairs[0][0].example.constants:
            words = f"there isn't {words}"
            found[words] = [not shows(case.sizes, case.example) for case, _, _ in pairs]
    return found


def right_at_entries(pairs):
    """The entries at which it is right or wrong, by what is known of them."""
    wrong = [~np.isclose(mine, truth, rtol=0, atol=1e-8 * max(np.abs(truth).max(), 1e-6))
             for _, mine, truth in pairs]
    for words in ("the right one is 0", "the target stands", "the entry of x is negative",
                  "the entry of x is positive"):
        there = [places(words, case, truth) for case, _, truth in pairs]
        if any(t is None for t in there) or not any(t.any() and not t.all() for t in there):
            continue
        if all((t | ~w).all() for t, w in zip(there, wrong)):
            return f"it is right but where {words}"
        if all((~t | ~w).all() for t, w in zip(there, wrong)) and all(
                t.any() for t, w in zip(there, wrong) if t.size > 8):
            return f"it is right only where {words}"
    return None


def places(words, case, truth):
    """Return where some words hold in a gradient, None where they mean nothing."""
    x = next(iter(case.example.inputs.values()))
    if words == "the right one is 0":
        return truth == 0
    if words == "the target stands":
        targets = case.example.inputs.get("targets")
        return None if targets is None else np.arange(truth.shape[-1]) == targets[..., None]
    if x.dtype.kind != "f" or x.shape != truth.shape:
        return None
    return x < 0 if words.endswith("negative") else x > 0


def rows(pairs):
    """Right but for the first or last entry along an axis, or right there only."""
    for end, index in ("last", -1), ("first", 0):
        for axis in range(-4, 0):
            long = [(mine, truth) for _, mine, truth in pairs
                    if truth.ndim >= -axis and truth.shape[axis] > 1]
            if len(long) < 3:
                continue
            named = f"along axis {axis}{letter_of(axis, pairs)}"
            if all(close(np.delete(mine, index, axis), np.delete(truth, index, axis))
                   for mine, truth in long):
                return f"it is right but for the {end} entry {named}"
            if all(close(mine.take(index, axis), truth.take(index, axis)) for mine, truth in long) \
                    and any(truth.take(index, axis).any() for _, truth in long):
                return f"it is right only at the {end} entry {named}"
    return None


def letter_of(axis, pairs):
    """Return the letter of an axis in brackets, nothing if there is none."""
    found = [{letter for letter, size in sizes_of(case).items() if truth.shape[axis] == size}
             for case, _, truth in pairs if truth.ndim >= -axis]
    common = set.intersection(*found) & {*"BTCHDVIO"} if found else set()
    return f" ({min(common)})" if common else ""


def thirds(name, pairs):
    """Which of the thirds of dqkv is off, for q, for k or for v, and how."""
    if "qkv." not in name or any(mine.shape != truth.shape for _, mine, truth in pairs):
        return None
    cut = [[(case, *both) for both in zip(np.split(mine, 3), np.split(truth, 3))]
           for case, mine, truth in pairs]
    by_third = dict(zip("qkv", zip(*cut)))
    for order in itertools.permutations("qkv"):
        if order != (*"qkv",) and all(
                close(mine, truth) for at, of in zip("qkv", order)
                for (_, mine, _), (_, _, truth) in zip(by_third[at], by_third[of])):
            return f"its thirds are in the order {', '.join(order)}; right is q, k, v"
    off = {third: parts for third, parts in by_third.items()
           if not all(close(mine, truth) for _, mine, truth in parts)}
    if not off or len(off) == 3:
        return None
    how = {third: factor(parts) or at_heads(parts) for third, parts in off.items()}
    told = "; ".join(f"that of {third}: {words}" for third, words in how.items() if words)
    right = " and ".join(third for third in "qkv" if third not in off)
    wrong = " and ".join(off)
    return (f"only its third{'s' * (len(off) > 1)} for {wrong} {'is' if len(off) == 1 else 'are'} "
            f"off, and right for {right}" + (f"; {told}" if told else ""))


def at_heads(parts):
    """Which heads are right in a third of dqkv, or None."""
    cut = [(case, mine.reshape(case.sizes["H"], -1), truth.reshape(case.sizes["H"], -1))
           for case, mine, truth in parts]
    return right_at_heads(cut, 0)


def right_at_heads(pairs, axis):
    """Whether only the first or last head is right, or wrong; the axis is that of the heads."""
    several = [pair for pair in pairs if pair[1].shape[axis] > 1]
    if not several:
        return None
    for which, index in ("first", 0), ("last", -1):
        if all(close(mine.take(index, axis), truth.take(index, axis))
               for _, mine, truth in several):
            return f"only the {which} head is right"
        if all(close(np.delete(mine, index, axis), np.delete(truth, index, axis))
               for _, mine, truth in several):
            return f"only the {which} head is off"
    return None
