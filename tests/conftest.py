"""Three profiles: quick, the default, draws the same examples each time; thorough draws afresh;
mutants draws those of quick and stops at the first that fails."""

import os

import pytest
import torch
from hypothesis import HealthCheck, Phase, settings

shared = dict(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", max_examples=40, derandomize=True, database=None, **shared)
settings.register_profile("thorough", max_examples=5000, **shared)
settings.register_profile("mutants", settings.get_profile("quick"),
                          phases=[Phase.explicit, Phase.generate])
settings.load_profile("quick")
os.environ["COMPARE_CACHE"] = ""  # a mutant's results must not be those that were kept of ours
torch.set_num_threads(1)  # the arrays are tiny: a second thread only waits
FIRST = "training", "text", "files", "bench", "checks", "labs"  # of half 0


def pytest_addoption(parser):
    parser.addoption("--mutants", action="store_true", help="run the tests against each mutant")
    parser.addoption("--of", metavar="STEM", help="of this file alone")
    parser.addoption("--half", type=int, choices=[0, 1], help="run one half of the tests")


def pytest_configure(config):
    if config.getoption("of") and not config.getoption("mutants"):
        raise pytest.UsageError("--of is given; allowed: only with --mutants")
    if config.getoption("half") is not None and config.getoption("mutants"):
        raise pytest.UsageError("--half is given; allowed: only without --mutants")
    if config.getoption("mutants"):
        settings.load_profile("mutants")


def pytest_collection_modifyitems(config, items):
    """With --half, leave out the rooms of the other: what a room's tests share is made once."""
    if (half := config.getoption("half")) is not None:
        mine = [item for item in items if (item.path.parent.name in FIRST) == (half == 0)]
        config.hook.pytest_deselected(items=[item for item in items if item not in mine])
        items[:] = mine


def pytest_runtestloop(session):
    """With --mutants, plant each mutant before the tests that may catch it; the last line is the
    score."""
    if session.config.getoption("mutants"):
        import mutation
        fates = mutation.score_all(session)
        session.config.pluginmanager.getplugin("terminalreporter").stats |= fates
        session.testsfailed = sum(len(fates.get(kind, ())) for kind in mutation.FAULTS)
        return True
