"""The frame of the labs: seeds, sides, claims beside controls, logs; on a lab made for it."""

import json
import math
import sys
from types import ModuleType

import numpy as np
import pytest

from compare.__main__ import main
from compare.labs import run
from compare.labs.learners import LEARNERS, constant_rate, drawn_params
from compare.labs.report import shown_number, span, table_of, verdict_of
from compare.labs.run import LabRun, Measured, read_run, run_lab, write_run
from compare.layers.lab import Claim, Lab, Setting
from compare.layers.labs import LABS
from compare.layers.streams import stream
from compare.svg import figure
from reference import gpt


def experiment(side, seed, *, steps, shift):
    """Train a tiny GPT to repeat a token; the control has not learned."""
    rng = stream(seed, "initial values")
    config = gpt.Config(vocab_size=3, block_size=4, n_layer=1, n_head=1, n_embd=4)
    learner = LEARNERS[side](config, drawn_params(config, rng), constant_rate(steps, 0.03))
    tokens = rng.integers(0, 3, (4, 1)) + np.zeros((4, 4), int)
    before = float(np.ptp(learner.logits(tokens)))
    losses = [learner.imitate(tokens, tokens) for _ in range(steps)]
    return Measured({"loss": losses[-1] + shift * (side == "torch"), "untrained": 9.0,
                     "spread": float(np.ptp(learner.logits(tokens))) - before}, losses, {"loss": losses})


@pytest.fixture
def made(monkeypatch):
    """A lab named made, with one claim that holds, one that doesn't, one whose control passes."""
    module = ModuleType("compare.labs.made")
    module.experiment = experiment
    module.draw = lambda log: figure(20, "made", "nothing")
    module.plot = lambda log: "a plot"
    monkeypatch.setitem(sys.modules, "compare.labs.made", module)
    lab = Lab("made", "Does it run?", "a lab made for the tests", (
        Claim("it learns", "loss", high=1.0, control="untrained"),
        Claim("it forgets", "loss", low=2.0), Claim("it spreads", "spread", low=0, control="loss")),
        {"steps": Setting(20, "updates", 1), "shift": Setting(0.0, "of torch's loss")}, {"steps": 3})
    monkeypatch.setitem(LABS, "made", lab)
    return lab


SETTINGS = {"steps": 20, "shift": 0.0}


def test_both_sides_measure_the_same_and_a_seed_the_same_each_time(made):
    both = run_lab("made", SETTINGS, 2, "both")
    assert both.apart <= 1e-12 and both.seeds == 2
    torch = run_lab("made", SETTINGS, 2, "torch")
    assert [*table_of(run_lab("made", SETTINGS, 2, "both"))] == [*table_of(both)]
    np.testing.assert_allclose([m.losses for m in torch.measured], [m.losses for m in both.measured],
                               rtol=0, atol=1e-12)
    assert both.measured[0].losses != both.measured[1].losses


def test_sides_that_differ_are_an_error(made, capsys):
    with pytest.raises(FloatingPointError, match="NumPy and torch are 1.0e-09 apart in made"):
        run_lab("made", SETTINGS | {"shift": 1e-9}, 1, "both")
    assert run_lab("made", SETTINGS | {"shift": 1e-9}, 1, "torch").apart == 0
    with pytest.raises(ValueError, match="steps is 0; allowed: from 1 up"):
        run_lab("made", SETTINGS | {"steps": 0}, 1, "both")


def test_a_number_that_is_nan_on_one_side_is_a_difference(made):
    one = Measured({"a": 1.0, "b": 2.0, "c": 3.0}, [], {})
    for name in one.numbers:
        assert not run.largest_gap(one, Measured(one.numbers | {name: math.nan}, [], {})) <= run.APART
    assert run.largest_gap(one, Measured(one.numbers, [], {})) == 0
    assert run.largest_gap(one, Measured(one.numbers | {"b": 1.5}, [], {})) == 0.5


def log_of(*values, control=9.0):
    """Return the LabRun of a loss a seed."""
    return LabRun("made", SETTINGS, len(values), ["numpy"], 0.0, [
        Measured({"loss": value, "untrained": control, "spread": 1.0}, [], {}) for value in values])


def test_a_claim_holds_over_all_seeds_and_where_its_control_fails(made):
    learns = made.claims[0]
    assert verdict_of(learns, log_of(0.1, 1.0)) == "held"
    assert verdict_of(learns, log_of(0.1, 1.1, 0.2)) == "held in 2 of 3"
    assert verdict_of(learns, log_of(1.1)) == "not held"
    assert verdict_of(learns, log_of(0.1, control=1.0)) == "so does the control"


def test_the_table_has_what_was_claimed_measured_and_held(made):
    lines = [line.split() for line in table_of(log_of(0.125, 0.25))]
    assert "made: a lab made for the tests".split() == lines[0]
    assert "it learns 0.125 to 0.25 9 up to 1 held".split() in lines
    assert "it forgets 0.125 to 0.25 from 2 not held".split() in lines
    assert "loss 0.125 0.25".split() in lines


def test_numbers_are_short():
    assert [shown_number(v) for v in (1.0, 13152.0, 0.99712, 2.344e-13, -0.0, math.nan)] == [
        "1", "13,152", "0.997", "2.34e-13", "0", "nan"]
    assert span([2.0, 1.0]) == "1 to 2" and span([1.0, 1.0]) == "1"


def test_a_log_comes_back_as_it_was_written(made, tmp_path):
    log = log_of(0.1, 0.2)
    assert write_run(tmp_path / "new", log) == tmp_path / "new" / "made.svg"
    assert read_run("made", tmp_path / "new") == log
    assert json.loads((tmp_path / "new" / "made.json").read_text())["seeds"] == 2


def test_the_command_runs_a_lab_and_says_by_its_code_whether_all_held(made, tmp_path, capsys):
    words = ["lab", "made", "--seeds", "2", "--steps", "3", "--log", str(tmp_path)]
    assert main(words) == 1
    out = capsys.readouterr().out
    assert "2 seeds with NumPy and torch" in out and "a plot" in out and "not held" in out
    assert read_run("made", tmp_path).settings == SETTINGS | {"steps": 3}


def test_all_labs_run_with_their_own_settings(made, monkeypatch, tmp_path, capsys):
    for stem in [stem for stem in LABS if stem != "made"]:
        monkeypatch.delitem(LABS, stem)
    assert main(["lab", "--all", "--with", "numpy", "--log", str(tmp_path)]) == 1
    assert read_run("made", tmp_path).settings == SETTINGS


def test_the_command_lists_the_labs(made, capsys):
    assert main(["lab"]) == 0
    assert "a lab made for the tests" in capsys.readouterr().out


@pytest.mark.parametrize("words, sentence", [
    (["--steps", "0"], "steps is 0; allowed: from 1 up"), (["--seeds", "0"], "0 is not allowed"),
    (["--with", "jax"], "invalid choice"), (["--width", "3"], "unrecognized arguments: --width"),
    (["--log", ""], "log is empty; allowed: a folder")])
def test_what_a_lab_cannot_do_is_refused_in_a_sentence(made, capsys, words, sentence):
    try:
        assert main(["lab", "made", *words]) == 2
    except SystemExit as error:
        assert error.code == 2
    assert sentence in capsys.readouterr().err


def test_an_unknown_lab_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["lab", "alchemy"])
    assert "alchemy" in capsys.readouterr().err
