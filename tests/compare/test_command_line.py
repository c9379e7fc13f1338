"""The command line as a user meets it: in a process of its own, on a console without Unicode."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from compare.checks import check, coverage, steps, trial
from compare.__main__ import main
from compare.grading.cases import Case
from compare.layers import both
from compare.layers.sizes import draw_sizes
from compare.layers.table import LAYERS
from reference import layer_norm

HOUSE = Path(__file__).parents[2]


def compare(*words, code=0, encoding="cp437"):
    environment = os.environ | {"PYTHONIOENCODING": encoding, "COLUMNS": "120"}
    done = subprocess.run([sys.executable, "-m", "compare", *words], cwd=HOUSE, text=True,
                          capture_output=True, env=environment, encoding=encoding, timeout=120)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stderr


def test_check_prints_a_row_for_each_gradient():
    out = compare("check", "layer_norm", "linear", "--examples", "21")
    for row in "output", "d x", "d weight", "d bias", "every output and every gradient agrees":
        assert row in out


def test_a_wrong_backward_fails_the_check_and_names_the_smallest_example(monkeypatch, capsys):
    right = layer_norm.backward

    def no_path_through_the_mean(dy, cache):
        dx, dp = right(dy, cache)
        return dx + cache.rstd * (dy * cache.weight).mean(-1, keepdims=True), dp

    monkeypatch.setattr(layer_norm, "backward", no_path_through_the_mean)
    assert not check.print_checks([LAYERS["layer_norm"]], 5)
    out = capsys.readouterr().out
    assert "FAILS" in out
    for oracle in "torch", "complex", "central", "float32":
        assert f"before the oracle {oracle}; allowed" in out and "layer_norm: d x is off" in out
    assert "Smallest example: B = 1, T = 1, C = 1, seed" in out


def test_examples_that_prove_nothing_fail_the_check(capsys):
    assert not check.print_checks([LAYERS["softmax"]], 1)
    out = capsys.readouterr().out
    assert "useless: softmax: never met: no mask, in any of 1 drawn examples" in out
    assert "FAILS" not in out


def seen(layer, sizes, scale=lambda seed: 1):
    """The Coverage of 30 examples of these sizes, the cotangent of each scaled."""
    found = coverage.Coverage(layer)
    for seed in range(30):
        one = trial.Trial(layer, sizes, seed)
        one.dy = one.dy * scale(seed)
        found.add(sizes, one.example, one.theirs)
    return found


def test_a_gradient_of_about_zero_proves_nothing():
    softmax = LAYERS["softmax"]  # with T = 1 there is one entry a row: always 1
    assert "softmax: d x was above 0.001 in 0 of 30 drawn examples; allowed: a quarter of them " \
        "or more" in seen(softmax, {"B": 2, "H": 2, "T": 1}).missing()
    all_but_one = seen(softmax, {"B": 2, "H": 2, "T": 3}, lambda seed: 1 if seed == 7 else 1e-6)
    assert all_but_one.about_zero() == ["d x"]
    assert not seen(softmax, {"B": 2, "H": 2, "T": 3}).about_zero()


def test_a_norm_of_weight_one_proves_nothing():
    layer, sizes = LAYERS["layer_norm"], {"B": 2, "T": 2, "C": 3}
    plain = Case(layer, sizes, 0, plain=True)
    assert coverage.met_by(layer, sizes, layer.example(sizes, 0)) \
        - coverage.met_by(layer, sizes, plain.example) == {"a weight other than 1"}


@pytest.mark.parametrize("examples", [25, 200])
def test_every_oracle_sees_all_that_a_layer_must_show(examples):
    for layer in LAYERS.values():
        drawn = [draw_sizes(layer.letters, seed) for seed in range(examples)]
        shows = [coverage.met_by(layer, sizes, layer.example(sizes, seed))
                 for seed, sizes in enumerate(drawn)]
        for every in 1, *check.SHARE.values():
            picked = check.chosen(shows, every)
            assert set(layer.shows) == set().union(*(shows[i] for i in picked))
            assert len(picked) <= -(-examples // every) + 2


def test_what_one_oracle_never_met_makes_the_check_useless(monkeypatch, capsys):
    monkeypatch.setattr(check, "chosen", lambda shows, every: range(0, len(shows), every))
    assert not check.print_checks([LAYERS["attention"]], 25)
    assert "useless: attention: never met: a dropped entry, in any of 2 drawn examples before the " \
        "oracle central; draw more" in capsys.readouterr().out


def test_what_central_differences_excuse_is_counted(monkeypatch):
    def excuse(self, entries):
        return {"d x": 1e-9}, {"d x"}
    monkeypatch.setattr(trial.Trial, "central", excuse)
    report = check.check(LAYERS["gelu"], 21)
    assert report.ill["d x", "central"] == 2  # of 21 + 5 + 2 + 21 comparisons
    assert check.report_row(report, "d x").endswith(" 4.1%")


def test_the_study_of_steps_shows_where_differences_end(capsys):
    rows = {step: (central, complex_) for step, central, complex_ in steps.step_errors(LAYERS["gpt"])}
    assert min(central for central, _ in rows.values()) > 1e-12
    assert all(complex_ < 1e-13 for step, (_, complex_) in rows.items() if step < 1e-9)
    assert main(["steps", "gelu"]) == 0
    assert "complex step Im f(x + ih) / h" in capsys.readouterr().out


def test_an_error_that_is_not_a_number_fails():
    assert both.relative_error([float("nan")], [1.0], 1.0) > 1e300


def test_train_reports_both_sides(tmp_path):
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("to be or not to be \u2014 that is the question. " * 40, encoding="utf-8")
    out = compare("train", "--text", str(corpus), "--steps", "3", "--n-embd", "8")
    for words in "validation loss", "bigram table", "largest difference", "the two texts are the same":
        assert words in out


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_show_prints_on_any_code_page(encoding):
    assert "NumPy: reference/attention.py:" in compare("show", "attention", encoding=encoding)


@pytest.mark.parametrize("words, message", [
    (["check", "batch_norm"], "LAYER is batch_norm; allowed: linear, embedding"),
    (["show", "batch_norm"], "LAYER is batch_norm; allowed: adamw, adaptation, attention"),
    (["show"], "LAYER is missing; allowed: adamw, adaptation, attention"),
    (["show", "--tag", "LN-99"], "TAG is LN-99; allowed: AW-1 .. AW-10, AD-1 .. AD-3, ATT-1 .. ATT-20"),
    (["show", "softmax", "--tag", "LN-8"], "TAG is LN-8; allowed: SM-1 .. SM-5, those of softmax"),
    (["show", "adamw", "--backward"], "backward is given; allowed: with a layer, and adamw is none"),
    (["train", "--text", "missing.txt"], "text is missing.txt, which can't be read"),
    (["train", "--n-embd", "65"], "n_embd is 65; allowed: a multiple of n_head = 4"),
    (["train", "--block-size", "60000"], "allowed: at least block_size + 1 = 60001 in each part"),
    (["train", "--batch-size", "0"], "batch_size is 0; allowed: an integer from 1 to 1048576"),
    (["train", "--lr", "-1"], "lr is -1.0; allowed: from 0"),
    (["train", "--dropout", "1"], "dropout is 1.0; allowed: 0 <= dropout < 1"),
    (["train", "--lr", "1e30", "--steps", "9", "--warmup", "0"], "training stopped at step"),
    (["check", "--derivations", "--examples", "5"], "examples is given; allowed: only without"),
    (["check", "--derivations", "batch_norm"], "LAYER is batch_norm; allowed: adamw, adaptation, attention"),
    (["bench", "--json", "missing/bench.json"], "json is missing/bench.json, which can't be written"),
    (["check", "--examples", "0"], "0 is not allowed; allowed: an integer from 1 up"),
])
def test_bad_input_is_one_sentence(words, message, capsys):
    try:
        code = main(words)
    except SystemExit as stopped:  # argparse's own
        code = stopped.code
    assert code == 2 and message in capsys.readouterr().err


def test_of_several_processes_the_first_has_the_time_to_say_what_is_wrong(monkeypatch, capsys):
    said = []
    monkeypatch.setattr(time, "sleep", lambda _: said.append(capsys.readouterr().err))
    for rank in "0", "1":
        monkeypatch.setenv("LOCAL_RANK", rank)
        assert main(["show", "batch_norm"]) == 2
        said.append(capsys.readouterr().err)
    assert said[0].startswith("error: LAYER is batch_norm") and said[1] == "" and said[2] == said[0]


def test_bad_input_is_one_sentence_in_a_process_of_its_own_too():
    assert compare("show", "batch_norm", code=2).startswith("error: LAYER is batch_norm; allowed: ")


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_stream_that_is_closed_is_no_error(monkeypatch, name):
    monkeypatch.setattr(sys, name, None)
    assert main(["grade", "nothing.py"]) == 2
