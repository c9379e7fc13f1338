"""Every lab of the table: its files, its log, its page, and that a short run begins as its log."""

import re

import numpy as np
import pytest

from compare.labs.report import table_of, verdict_of
from compare.labs.run import LOGS, read_run, run_lab
from compare.layers.labs import LABS
from compare.layers.source import HOUSE, path_of, read, torch_path
from compare.svg import standalone

every_lab = pytest.mark.parametrize("stem", LABS)
TABLE = re.compile(r"^## What was measured\n.*?^```\n\$ (.*?)\n(.*?)^```$", re.M | re.S)


@every_lab
def test_a_lab_is_three_files_an_experiment_a_test_and_a_log(stem):
    for path in (path_of(stem), path_of(stem, ".md"), torch_path(stem),
                 f"compare/labs/{stem}.py", f"tests/compare/labs/test_{stem}.py"):
        assert (HOUSE / path).is_file(), path
    assert path_of(stem).parent.name == "labs"
    assert {path.name for path in LOGS.glob(f"{stem}.*")} == {f"{stem}.json", f"{stem}.svg"}


@every_lab
def test_the_log_is_of_three_seeds_on_both_sides_with_the_settings_of_the_row(stem):
    log = read_run(stem)
    assert (log.seeds, len(log.measured), log.sides) == (3, 3, ["numpy", "torch"])
    assert log.settings == LABS[stem].defaults
    assert log.apart <= 1e-10
    drawn = LABS[stem].experiment.draw(log).svg
    assert (LOGS / f"{stem}.svg").read_text(encoding="utf-8") == standalone(drawn)


@every_lab
def test_the_page_has_the_table_of_the_log(stem):
    command, table = TABLE.search(read(path_of(stem, ".md"))).groups()
    assert command == f"python -m compare lab {stem} --seeds 3"
    assert table.splitlines() == [*table_of(read_run(stem))]


@every_lab
def test_every_claim_that_does_not_hold_is_told_on_the_page(stem):
    log, page = read_run(stem), read(path_of(stem, ".md"))
    assert "\n## What this does not show\n" in page
    for claim in LABS[stem].claims:
        assert claim.number in log.measured[0].numbers
        assert verdict_of(claim, log) == "held" or claim.says in page.partition("```\n\n")[2]


@every_lab
def test_a_short_run_begins_as_the_log_and_is_the_same_each_time_on_both_sides(stem):
    settings = LABS[stem].defaults | LABS[stem].brief
    log = run_lab(stem, settings, 1, "both")
    losses = log.measured[0].losses
    np.testing.assert_allclose(losses[:5], read_run(stem).measured[0].losses[:5], rtol=1e-6)
    assert run_lab(stem, settings, 1, "numpy").measured == log.measured
    assert LABS[stem].experiment.plot(log).isascii()
