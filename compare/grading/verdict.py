"""The verdict on a student's backward, in print."""

import math
import re
from pathlib import Path

import numpy as np

from .cases import cases
from ..checks.coverage import Coverage
from .grade import SINGLE, grade
from ..layers import both
from ..layers.source import path_from_here, path_of
from ..layers.table import LAYERS
from ..mutants.known import MEANINGS
from .sandbox import options_of
from ..checks.trial import allowed

NAMES, GROUPS, NUMBERS = 3, 6, 8  # of gradients with one fault, of faults, of an array: in print
TAGGED = re.compile(r"\([A-Z]+-\d")  # what is said of a known mistake


def print_verdict(path, stem, found):
    """Print the verdict on a student's file; return whether all of it is right."""
    verdict, gaps = grade(found), unseen(stem, found)
    largest = max((case for case, _ in found), key=lambda case: math.prod(case.sizes.values()))
    print(f"{Path(path).name}: {stem}, {verdict.count} examples, the smallest at "
          f"{found[0][0].place}, the largest at {largest.place}")
    print("".join(f"{line}\n" for line in gaps))
    judged = {finding.name: judgement(finding) for finding in verdict.findings}
    judged |= dict.fromkeys(verdict.open, "open       None: not written yet")
    width = max(map(len, judged)) + 2
    for name in dict.fromkeys(name for case, _ in found for name in case.truth):
        print(f"{name:<{width}}{judged[name]}")
    faults = by_fault(verdict, stem)
    for lines, findings in faults[:GROUPS]:
        compared = not verdict.own or findings[0].name == "output"
        print("", *lines, *(evidence(findings, found) if compared else []), sep="\n")
    if left := sum(len(findings) for _, findings in faults[GROUPS:]):
        print(f"\n{left} more results are wrong in other ways: put these right first")
    if verdict.changed:
        print("\nbackward changes its arguments or its cache in place: return new arrays instead")
    print(f"\nadjoint test: <J u, dy> and <u, dx> are apart by {verdict.adjoint:.1e}; "
          f"allowed: {allowed(LAYERS[stem], 'adjoint'):.0e}")
    print(summary(verdict, gaps))
    return verdict.right


def summary(verdict, gaps):
    """Return the last line."""
    if verdict.right:
        return f"all {'that was exercised' if gaps else 'of it'} is right"
    wrong = [finding for finding in verdict.findings if finding.case is not None]
    of = f"of {len(verdict.findings) + len(verdict.open)}"
    said = [f"{len(wrong)} {of} results {are(wrong)} wrong"] * bool(wrong)
    said += [f"{len(verdict.open)} {of} {are(verdict.open)} open"] * bool(verdict.open)
    return "; ".join(said) or "the numbers are right"


def unseen(stem, found):
    """Return the lines that say what the graded cases never showed; none is good."""
    layer, every = LAYERS[stem], cases(LAYERS[stem])
    coverage = Coverage(layer)
    for case, _ in found:
        coverage.add(case.sizes, case.example, both.outcome(case.whole_truth))
    lines = []
    if left := len(every) - len(found):
        lines.append(f"{left} of {len(every)} examples are left out: forward doesn't take all of "
                     f"the options {', '.join(options_of(every[0]))}")
    if unmet := [*coverage.unmet(), *coverage.about_zero()]:
        lines.append(f"not exercised: {', '.join(unmet)}")
    return lines


def judgement(finding):
    """Return whether a result is right, and by how much it is off."""
    if finding.case is None:
        return f"right      off by {finding.error:.1e}"
    percent = 100 * finding.share
    off = f"{percent:.0f}%" if percent >= 1 else f"{percent:.1g}%"
    off = f"off by {off}" if np.isfinite(percent) else "not comparable"
    return f"WRONG      {off}, first at {finding.case.place}"


def by_fault(verdict, stem):
    """Return (the lines that explain it, the findings that show it) for each fault."""
    wrong = {f.name: f for f in verdict.findings if f.case is not None}
    faults = [(explanation(names, mutants, stem), names) for names, *mutants in verdict.mistakes]
    if verdict.order:
        faults.insert(0, (in_order(verdict.order, verdict.findings), list(verdict.order)))
    alike = {}
    for name, sentences in verdict.hints.items():
        alike.setdefault(tuple(sentences), []).append(name)
    faults += [([f"{spoken(names)}: " + ("a known mistake" if TAGGED.search(" ".join(sentences))
                                         else "no known mistake matches"),
                 *indented(sentences)], names)
               for sentences, names in alike.items()]
    if "output" in wrong:
        faults.insert(0, (other_forward(verdict, wrong), ["output"]))
    return [(lines, [wrong[name] for name in names]) for lines, names in faults]


def other_forward(verdict, wrong):
    """Return the lines about a forward that is not the reference's."""
    if (error := wrong["output"].error) < SINGLE:
        return [f"output: right, but to {digits_of(error)} digits only, as float32 arithmetic "
                "inside leaves it"]
    lines = ["output: this forward is not that of the reference"
             + (f": it is {verdict.variant}" if verdict.variant else "")]
    fitting = [name for name in verdict.own if verdict.own[name]]
    others = [name for name in verdict.own if not verdict.own[name]]
    if fitting and not others:
        lines.append("your backward fits your forward: its gradients are the slopes of your output")
    elif fitting:
        lines.append(f"of your own forward {spoken(fitting)} {are(fitting)} the slope, and "
                     f"{spoken(others)} {are(others)} not")
    elif others and not {*wrong} & {*others}:
        lines.append("your backward is that of the reference's forward, and doesn't fit your own")
    elif others:
        lines.append("your backward doesn't fit your forward either")
    return lines


def digits_of(error):
    """Return to how many digits a result is right."""
    return max(0, int(-math.log10(max(error, 1e-16))))


def in_order(order, findings):
    """Return the lines about results in another order."""
    names = [finding.name for finding in findings if finding.name != "output"]
    found = ", ".join(order.get(name, name).replace("d ", "d", 1) for name in names)
    right = ", ".join(name.replace("d ", "d", 1) for name in names)
    return [f"{spoken(list(order))}: the results are in another order",
            *indented([f"yours are {found}", f"right is  {right}"])]


def are(names):
    return "is" if len(names) == 1 else "are"


def explanation(names, mutants, stem):
    """Return the lines that say which mistakes some gradients show: one, or two at once."""
    if len(mutants) == 1:
        told, *more = of_mutant(mutants[0], stem)
        return [f"your {spoken(names)} {are(names)} what you get when{told}", *indented(more)]
    lines = [f"your {spoken(names)} {are(names)} what you get with two mistakes:"]
    for mutant in mutants:
        told, *more = of_mutant(mutant, stem)
        lines += indented([told.strip(), *indented(more)])
    return lines


def of_mutant(mutant, stem):
    """Return what a mutant means, what was done to our code and where to read of it."""
    meaning, link = MEANINGS.get(mutant.name), mutant.tag.split(",")[0].lower()
    edit = mutant.edit.replace("the result ", f"the result of {mutant.tag} ")
    told = f"{meaning or edit}{f' ({mutant.tag})' if mutant.tag else ''}"
    where = "" if mutant.stem == stem else f", in {mutant.stem},"
    page = path_from_here(path_of(mutant.stem, ".md"))
    return [f"{where} {told}", *([f"in our code: {mutant.edit}"] if meaning else []),
            f"read {page}" + (f"#{link}" if link else "")]


def spoken(names):
    """Return the names of gradients in a sentence: "dx, dweight and 3 more"."""
    short = [name.replace("d ", "d", 1) for name in names]
    if len(short) > NAMES + 1:
        short[NAMES:] = [f"{len(short) - NAMES} more"]
    return " and ".join(filter(None, [", ".join(short[:-1]), short[-1]]))


def indented(lines):
    return [f"    {line}" for line in lines]


def evidence(findings, found):
    """Return the oracles against some results, and the numbers of the first that has few."""
    oracles = sorted({oracle for finding in findings for oracle in finding.oracles})
    it = "it" if len(findings) == 1 else "them"
    shown = next(filter(None, (numbers(finding, found) for finding in findings)), [])
    return indented([f"the oracles against {it}: {', '.join(oracles)}", *shown])


def numbers(finding, found):
    """Return the student's numbers and the right ones of the smallest case, if they are few."""
    case, results = next((c, r) for c, r in found if c is finding.case)
    mine, truth = results[finding.name], np.asarray(case.truth[finding.name])
    if mine.shape != truth.shape:
        return [f"there yours has the shape {mine.shape}", f"and the right one {truth.shape}"]
    if max(mine.size, np.size(truth)) > NUMBERS:
        return []
    shown = next((pair for digits in range(6, 17) if len({*(pair := (
        in_line(mine, digits), in_line(truth, digits)))}) == 2), (in_line(mine, 17),) * 2)
    return [f"there yours is    {shown[0]}", f"and the right one {shown[1]}"]


def in_line(array, digits):
    """Return an array's numbers in one line."""
    return np.array2string(np.ravel(array), precision=digits, suppress_small=True,
                           max_line_width=10**6, separator=", ")
