"""`make mutants`: the tests against every wrong version of the code that they are there to catch.

A mutant is caught by the first test that fails. The tests that may catch it are those that anyone
runs with `make test`: the properties of its layer in test_layers.py, and test_<stem>.py; for a
helper also those of the layers that use it. Nothing is drawn more often than there.
"""

import contextlib
import io
import re
import warnings
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from _pytest.runner import runtestprotocol

from compare.grading import grade
from compare.grading.cases import Case, cases
from compare.layers.table import LAYERS
from compare.mutants.make import TARGETS, hand_made, mutants, vocabulary
from compare.progress import waiting

FAULT = re.compile("AssertionError|assert |DID NOT RAISE")
ALSO = {"softmax": ["attention"], "decode": ["generate"]}  # what uses a helper
KINDS = {  # by whether it is said to be right, and whether a test finds fault
    (False, True): "caught", (False, False): "missed",
    (True, False): "right", (True, True): "caught, though said to be right"}
FAULTS = "missed", "caught, though said to be right"
HEAD = f"{'file':<28}{'mutants':>8}{'caught':>8}{'by error':>10}{'right':>7}{'missed':>8}"


def score_all(session):
    """Print the score of each file; return the mutants by what became of them, as pytest counts."""
    if session.testsfailed:
        raise pytest.UsageError("some tests can't be collected; put that right first")
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    fates, by_error, only = {}, 0, session.config.getoption("of")
    stems = [stem for stem in TARGETS if only in (None, stem, last_part(stem))]
    if not stems:
        raise pytest.UsageError(f"STEM is {only}; allowed: {', '.join(TARGETS)}")
    print(f"\n\n{HEAD}")
    for stem in waiting.over(stems, str):
        items, how = tests_of(stem, session.items), Counter()
        if failed := first_failure(items):
            raise pytest.UsageError(f"{failed[0].nodeid} fails without a mutant: {failed[1].longrepr}")
        for mutant in waiting.over(mutants(stem) + hand_made(stem)):
            found = fate(mutant, items)
            kind = KINDS[bool(mutant.reason), bool(found)]
            fates.setdefault(kind, []).append(SimpleNamespace(name=mutant.name))
            how[kind] += 1
            how["error"] += kind == "caught" and found == "error"
        print(score_row(stem, how), flush=True)
        by_error += how["error"]
    print(f"\n{by_error} of the caught are so by an error that they raise. Why the right ones are "
          "right after all\nstands in compare/mutants/known.py.")
    if layers := [stem for stem in stems if stem in LAYERS]:
        print_grading(layers)
    for kind in FAULTS:
        for one in fates.get(kind, ()):
            print(f"{kind.upper()}: {one.name}")
    return fates


def score_row(stem, how):
    """Return the row of one file."""
    total = how.total() - how["error"]
    return (f"{stem:<28}{total:>8}{how['caught']:>8}{how['error']:>10}{how['right']:>7}"
            f"{total - how['caught'] - how['right']:>8}")


def print_grading(stems):
    """Print how many of the mutants the grader names."""
    named = grading(stems)
    print(f"\nOf {named['right'] + named['wrong'] + named['none']} mutants that return wrong "
          f"gradients, the grader names {named['right']} rightly, {named['wrong']} wrongly, "
          f"{named['none']} not at all;\nwhere the mistake is unknown to it, it names "
          f"{named['unknown, named']} of {named['unknown, named'] + named['unknown, none']}.\n")


def grading(stems):
    """Return how often the grader names a mutant rightly, and what it says when it can't know it.

    A name is right if the mutant that it belongs to has the same gradients on other examples too.
    Rounding is added to the gradients, since a student's arithmetic is another one.
    """
    counts, rng = Counter(), np.random.default_rng(0)
    for stem in waiting.over(stems, "the grader: {}".format):
        found = [case for case in cases(LAYERS[stem]) if is_sound(case)]
        others = [Case(LAYERS[stem], case.sizes, case.seed + 1000) for case in found[-12:]]
        known = vocabulary(stem)

        def have_equal_gradients(a, b):
            return all(equal(grade.outcome_of(a, case), grade.outcome_of(b, case))
                       for case in others)

        for mutant in [m for m in known if m.stem == stem]:
            results = [(case, grade.outcome_of(mutant, case)) for case in found]
            if any(result is None for _, result in results):
                continue  # it raises an error, which the student sees by itself
            wrong = list(dict.fromkeys(name for case, result in results for name in result
                                       if not grade.alike(result[name], case.truth[name])))
            if not wrong:
                continue  # it overwrites an argument, which the grader sees by itself
            results = [(case, {name: a * (1 + 1e-12 * rng.standard_normal(a.shape))
                               for name, a in result.items()}) for case, result in results]
            named = [m for _, m in grade.matches(results, wrong)]
            counts["right" if named and all(have_equal_gradients(m, mutant) for m in named)
                   else "wrong" if named else "none"] += 1
            rest = [m for m in known if not have_equal_gradients(m, mutant)]
            counts["unknown, named" if grade.matches(results, wrong, rest)
                   else "unknown, none"] += 1
        grade.outcome_of.cache_clear()  # of the arrays of a thousand examples
    return counts


def is_sound(case):
    return grade.trial_of(case, case.truth).is_sound()


def equal(a, b):
    """Whether two outcomes of one case are the same."""
    return a is b or None not in (a, b) and all(grade.alike(a[name], b[name]) for name in a)


def tests_of(stem, items):
    """Return the tests that may catch a mutant of a file, the likeliest first.

    Those of the pictures are none: one reads the lines of the code, and any edit breaks it.
    """
    stems = [last_part(stem), *ALSO.get(last_part(stem), [])]

    def belongs(item):
        layer = getattr(item, "callspec", None) and item.callspec.params.get("layer")
        return "figures" not in item.path.parts and item.path.stem in [f"test_{name}" for name in stems] or (
            item.path.stem == "test_layers" and layer and layer.stem in stems)

    return [item for item in items if belongs(item)]


def last_part(name):
    """Return the stem that a dotted name ends in, by which its tests are found."""
    return name.rpartition(".")[2]


def fate(mutant, items):
    """Return "wrong" if a test finds fault, "error" if the mutant raises one, None if it passes."""
    with mutant.planted():
        failed = first_failure(items)
    if failed is None:
        return None
    item, report = failed
    items.remove(item)
    items.insert(0, item)  # what caught one will catch the next
    return "wrong" if FAULT.search(report.longrepr.reprcrash.message) else "error"


def first_failure(items):
    """Return (test, report) of the first test that fails, or None."""
    with contextlib.redirect_stdout(io.StringIO()):  # what the tests print is no part of the score
        for item in items:
            for report in runtestprotocol(item, log=False, nextitem=None):
                if report.failed:
                    return item, report
    return None
