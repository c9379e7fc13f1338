"""What loss plan expects: near the recorded runs it is theirs, and elsewhere it is called a guess."""

import pytest

from compare.__main__ import main
from compare.training import sized_runs
from compare.training.expected_loss import expected_loss
from reference.gpt import Config

STEP = sized_runs.BATCH * sized_runs.BLOCK


def test_of_a_recorded_size_it_is_about_what_was_recorded():
    table = sized_runs.read_table()
    for run in table[::7]:
        config = Config(103, sized_runs.BLOCK, sized_runs.BLOCKS, 1, run.width)
        found = expected_loss(config, STEP, run.tokens)
        assert abs(found.loss / run.loss - 1) < 0.06 and found.guess == ""
        assert 0.03 < found.off < 0.06  # on the size that the law has not seen


@pytest.mark.parametrize("config, tokens, words", [
    (Config(103, 32, 2, 4, 512), 2**18, "the runs behind it had 1,036 to 414,080 parameters"),
    (Config(103, 32, 2, 4, 64), 2**25, "the runs behind it had 131,072 to 1,179,648 tokens"),
    (Config(103, 64, 2, 4, 64), 2**18, "the runs behind it had L = 2, S = 32, 512 tokens a step"),
    (Config(103, 32, 2, 4, 64, 0.1), 2**18, "the runs behind it had L = 2")])
def test_far_from_the_recorded_runs_it_is_a_guess(config, tokens, words):
    assert expected_loss(config, STEP, tokens).guess.startswith(words)


def test_of_other_tokens_and_of_almost_no_training_it_says_nothing():
    assert expected_loss(Config(50257, 32, 2, 4, 64), STEP, 2**18) is None
    assert expected_loss(Config(103, 32, 2, 4, 64), STEP, 2**6) is None


def test_plan_says_what_is_expected(monkeypatch, capsys):
    from compare.training import plan
    monkeypatch.setattr(plan, "seconds", lambda *_, **__: 1.0)
    assert main(["plan"]) == 0
    out = capsys.readouterr().out
    assert " validation loss at the end, on the text of train" in out and "up to " in out
    assert main(["plan", "--block-size", "8"]) == 0
    assert "a guess: the runs behind it had L = 2" in capsys.readouterr().out
