"""Hold anyone's backward against the slopes of their own forward."""

from typing import NamedTuple

import numpy as np

from .examine import WEAKER, examine
from .forms import form_of
from .kinds import Wrong, kind_in_words
from .nests import Unfit

SHOWN = 6  # numbers that are shown of a wrong gradient


def gradcheck(forward, backward=None, inputs=(), **options):
    """Return a report on whether backward gives the gradients of sum(dy * y), for a drawn dy.

    The functions are y = forward(*inputs) with backward(dy, *inputs), or (y, cache) with
    backward(dy, cache), in NumPy or torch; or forward is an object, or a class that `options`
    build, with forward(x ...) and backward(dy), or a torch.autograd.Function. Inputs are a tuple
    or a dict of arrays, whose floats are taken in float64; integers and bools have no gradient.
    Options are handed on.
    Raises AssertionError, which holds the report, for a wrong gradient; ValueError, in one
    sentence, for what can't be judged.
    """
    form = form_of(forward, backward, inputs, options)
    sizes = {f"{name}.shape[{axis}]": size for name, array in form.arrays.items()
             for axis, size in enumerate(array.shape)}
    name = getattr(forward, "__name__", type(forward).__name__)
    report = report_on([(examine_or_refuse(form, sizes), form)], name)
    if not report.passed:
        raise AssertionError(f"\n{report}")
    return report


def examine_or_refuse(form, sizes, seed=0):
    """Return what the witnesses say of an example with at least one array that has a gradient."""
    if not form.arrays:
        raise Unfit("inputs holds no array of floats; allowed: at least one, whose gradient "
                    "is asked for")
    if empty := [name for name, array in form.arrays.items() if not array.size]:
        raise Unfit(f"{empty[0]} has no entries; allowed: arrays of at least one")
    return examine(form, sizes, seed)


class GradientLine(NamedTuple):
    """What is said of one gradient."""

    name: str
    verdict: str      # "right", "WRONG" or "open"
    error: float      # the largest of all examples, relative to the size of the gradient
    witnesses: tuple  # those that looked at it; of a wrong one, those against it
    kind: str = None  # what kind of wrong
    lines: tuple = ()  # where it is wrong, and the numbers there

    def __str__(self):
        head = f"d {self.name}"
        if self.verdict == "open":
            return f"{head}  open       None: not written yet"
        told = f"off by {in_share(self.error)}" if np.isfinite(self.error) else "of another shape"
        sees = "against it: " if self.verdict == "WRONG" else ""
        rows = [f"{head}  {self.verdict:<9}  {told:<15}  {sees}{', '.join(self.witnesses)}"]
        return "\n".join(rows + [f"    {line}" for line in (self.kind, *self.lines) if line])


class GradcheckReport(NamedTuple):
    """What the witnesses say of all gradients; str() is the text."""

    head: str
    gradients: tuple  # a GradientLine each
    notes: tuple      # kinks, why no complex step, what was never shown

    @property
    def passed(self):
        """Whether no gradient is wrong; one that is open is not."""
        return all(line.verdict != "WRONG" for line in self.gradients)

    def __str__(self):
        width = max(len(line.name) for line in self.gradients)
        rows = [str(line).replace(f"d {line.name}", f"d {line.name:<{width}}", 1)
                for line in self.gradients]
        return "\n".join([self.head, "", *rows, *([""] * bool(self.notes)), *self.notes, "",
                          self.ending()])

    def ending(self):
        """Return the last line."""
        kinds = [line.verdict for line in self.gradients]
        wrong, open_, count = kinds.count("WRONG"), kinds.count("open"), len(kinds)
        if count == 1 and wrong:
            return "the gradient is wrong"
        said = [f"{wrong} of {count} gradients {'is' if wrong == 1 else 'are'} wrong"] * bool(wrong)
        said += [f"{open_} of {count} {'is' if open_ == 1 else 'are'} open"] * bool(open_)
        return "; ".join(said) or {1: "the gradient is right", 2: "both gradients are right"}.get(
            count, f"all {count} gradients are right")


def in_share(error):
    """Return a relative error in words: "1.0e-06", "78%"."""
    if error < 0.01:
        return f"{error:.1e}"
    return f"{error:.0%}" if error < 10 else f"{error:,.0f} times"


def report_on(examined, name):
    """Return the GradcheckReport on pairs (Examined, form)."""
    found = [one for one, _ in examined]
    names = list(found[0].gradients)
    lines = tuple(line_on(name, found) for name in names)
    count = len(found)
    head = f"{name}: 1 example" if count == 1 else (
        f"{name}: {count} examples, the smallest at {in_pairs(found[0].sizes)}, "
        f"the largest at {in_pairs(found[-1].sizes)}")
    return GradcheckReport(head, lines, tuple(notes_on(examined)))


def in_pairs(sizes):
    """Return sizes in words: "B = 2, T = 3"."""
    return ", ".join(f"{letter} = {size}" for letter, size in sizes.items()) or "one size"


def line_on(name, found):
    """Return the GradientLine of one gradient."""
    given = [one for one in found if one.gradients.get(name) is not None]
    if not given:
        return GradientLine(name, "open", 0.0, ())
    wrong = [one for one in given if one.is_wrong(name)]
    if not wrong:
        seen = [evidence for one in given for evidence in one.evidence[name]]
        return GradientLine(name, "right", max(one.error(name) for one in given),
                            tuple(dict.fromkeys(evidence.witness for evidence in seen)))
    first = min(wrong, key=lambda one: one.total)
    against = dict.fromkeys(evidence.witness for one in wrong for evidence in one.evidence[name]
                            if evidence.is_against)
    kind = kind_in_words([wrong_in(one, name) for one in wrong],
                         {other: truth for other, truth in first.truth.items() if other != name},
                         [one.sizes for one in given if one not in wrong])
    if "shape" in against and not (kind and "shape" in kind):
        mine, truth = first.gradients[name].shape, first.truth[name]
        raise Unfit(f"the gradient of {name} has the shape {mine}; allowed: "
                    f"{'that of the array' if truth is None else truth.shape}")
    seen_by = tuple(witness for witness in against if witness != "shape") or ("its shape",)
    return GradientLine(name, "WRONG", max(one.error(name) for one in wrong), seen_by, kind,
                        tuple(where(first, name, len(found) > 1)))


def wrong_in(one, name):
    """Return a wrong gradient of an example as what tells its kind."""
    return Wrong(one.sizes, one.gradients[name], one.truth[name],
                 1e-6 if one.reason else 1e-9)


def where(one, name, sized):
    """Return lines on where a gradient is wrong first, and the numbers there."""
    mine, truth = one.gradients[name], one.truth[name]
    lines = [f"first at {in_pairs(one.sizes)}"] * sized
    if truth is None or mine.shape != truth.shape:
        return lines
    if mine.size <= SHOWN:
        return lines + [f"yours is      {in_digits(mine, truth)}",
                        f"the right one {in_digits(truth, mine)}"]
    place = np.unravel_index(np.nanargmax(np.abs(mine - truth)) if np.isfinite(mine - truth).any()
                             else 0, mine.shape)
    at = ", ".join(map(str, place))
    return lines + [f"most at [{at}]: yours is {in_digits(mine[place], truth[place])}, "
                    f"the right one {in_digits(truth[place], mine[place])}"]


def in_digits(one, other):
    """Return numbers with as many digits as it takes to tell them from others."""
    for digits in range(5, 17):
        words = [f"{x:.{digits}g}" for x in np.ravel(one)]
        others = [f"{x:.{digits}g}" for x in np.ravel(other)]
        if all(a != b or x == y for a, b, x, y
               in zip(words, others, np.ravel(one), np.ravel(other))):
            break
    return words[0] if np.ndim(one) == 0 else f"[{', '.join(words)}]"


def notes_on(examined):
    """Yield sentences on how the examples were judged, and on what they never showed."""
    found = [one for one, _ in examined]
    if kinks := sorted({name for one in found for name in one.kinks}):
        count = sum(bool(one.kinks) for one in found)
        yield (f"kinks: at {count} of {len(found)} examples the slopes from left and right differ "
               f"along {', '.join(kinks)}; they are judged a step beside")
    if reasons := list(dict.fromkeys(one.reason for one in found if one.reason)):
        worst = max((evidence.allowed / one.size[name] for one in found for name in one.size
                     if one.size[name] for evidence in one.evidence[name]), default=0.0)
        yield (f"no complex step: {reasons[0]}; central differences instead, which allow an error "
               f"of {max(WEAKER, worst):.0e}")
    yield from (f"never shown: {words}" for words in never_shown(examined))


def never_shown(examined):
    """Yield what no example has shown, so that an error there would pass."""
    found, form = [one for one, _ in examined], examined[0][1]
    for name in found[0].gradients:
        if all(one.size.get(name, 1.0) == 0 for one in found):
            yield f"a gradient of {name} that is not zero; a wrong factor would pass"
    for name in form.arguments.constants:
        arrays = [form.arguments.constants[name] for _, form in examined
                  if name in form.arguments.constants]
        if not all(isinstance(array, np.ndarray) for array in arrays):
            continue
        if arrays[0].dtype.kind == "b" and len({bool(x) for a in arrays for x in a.ravel()}) < 2:
            yield f"both True and False in {name}"
        if arrays[0].dtype.kind in "iu" and all(np.unique(a).size == a.size for a in arrays):
            yield f"a number that comes twice in {name}"
    if all(array.size == 1 for _, form in examined for array in form.arrays.values()):
        yield "an array with more than one entry"
