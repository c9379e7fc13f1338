"""Which tests hold an equation: from the row of a tag to its test in one step."""

import collections
import functools

from ...layers.source import read
from ...layers.labs import LABS
from ...layers.table import LAYERS
from ...mutants.make import TARGETS, mutants

LOOPS = "tests/compare/checks/test_derivations.py", "test_the_blocks_run_and_assert"
HELD = {"adamw": ("tests/reference/test_adamw.py", "test_fifty_steps_agree_with_torch"),
        "fused_adamw": ("tests/reference/fast/test_fused_adamw.py",
                        "test_it_makes_the_textbooks_updates"),
        **dict.fromkeys(LABS, (
            "tests/compare/labs/test_labs.py",
            "test_a_short_run_begins_as_the_log_and_is_the_same_each_time_on_both_sides")),
        **dict.fromkeys(LAYERS, ("tests/reference/test_layers.py",
                                 "test_output_and_gradients_agree_with_torch"))}


def held_by(stem, tag, links):
    """Return, as HTML, the tests that hold a tag, and how many wrong versions of its line they
    see."""
    tests = " and ".join(test(path, name, stem, links) for path, name in (LOOPS, HELD[stem]))
    count = planted(stem).get(tag, 0)
    wrong = (f"; <code>make mutants</code> plants {count} wrong version{'s' * (count > 1)} of it"
             if count else "")
    return f"held by {tests}{wrong}"


def test(path, name, stem, links):
    """Return the link to a test. Raises ValueError where it is not there."""
    lines = [number for number, line in enumerate(read(path).splitlines(), 1)
             if line.startswith(f"def {name}(")]
    if not lines:
        raise ValueError(f"{path} has no test {name}; allowed: one that is there")
    file = path.rpartition("/")[2]
    return f'<a href="{links.to_source(path, lines[0])}" title="{name}[{stem}]">{file}</a>'


@functools.cache
def planted(stem):
    """Return how many mutants each tag of a derivation has."""
    found = mutants(stem) if stem in TARGETS else ()
    return collections.Counter(tag for mutant in found for tag in mutant.tag.split(", "))
