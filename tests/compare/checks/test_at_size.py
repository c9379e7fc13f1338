"""One example of any size: what its oracles find and name, and the sizes that are refused."""

import tracemalloc

import pytest

from compare.__main__ import main
from compare.checks import at_size, room
from compare.checks.own_sizes import own_sizes, own_words, parsed
from compare.checks.trial import Trial
from compare.layers.both import Outcome
from compare.layers.sizes import composed
from compare.layers.table import LAYERS
from reference import gpt, linear, rope
from reference.tools import tree
from runs import SMALL, TEXT, train

GPT = "B=1,T=12,C=24,H=2,L=3,V=50"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a small run in it."""
    place = tmp_path_factory.mktemp("trained")
    (place / "own.txt").write_text(TEXT)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert train("--with", "numpy", *SMALL) == 0
    return place


@pytest.fixture
def run(trained, monkeypatch):
    """The same, as the current one."""
    monkeypatch.chdir(trained)
    return trained


def wrong_in_one_block(monkeypatch, factor):
    """Let gpt.backward return one array of its gradients times a factor."""
    right = gpt.backward

    def wrong(dlogits, cache):
        grads = right(dlogits, cache)
        up = grads.blocks[1].mlp.up
        mlp = grads.blocks[1].mlp._replace(up=up._replace(weight=up.weight * factor))
        blocks = list(grads.blocks)
        blocks[1] = blocks[1]._replace(mlp=mlp)
        return grads._replace(blocks=tuple(blocks))
    monkeypatch.setattr(gpt, "backward", wrong)


def said_of(words, capsys, code):
    """Return what a command prints that ends with the code."""
    capsys.readouterr()
    assert main(["check", *words]) == code
    return "".join(capsys.readouterr())


def test_right_gradients_agree_and_what_was_not_shown_is_said(capsys):
    said = said_of(["gpt", "--sizes", GPT], capsys, 0)
    assert "gpt at B = 1, T = 12, V = 50, S = 12, L = 3, H = 2, C = 24: 23," in said
    assert "this one example never showed: B > 1, S > T, " in said
    assert said.endswith("every gradient agrees\n")


@pytest.mark.parametrize("oracle", ["torch", "complex"])
def test_one_wrong_array_of_a_whole_model_is_named(capsys, monkeypatch, oracle):
    wrong_in_one_block(monkeypatch, 1 + 1e-6)
    said = said_of(["gpt", "--sizes", GPT], capsys, 1)
    named = [line for line in said.splitlines() if f"before the oracle {oracle}; " in line]
    assert len(named) == 1 and named[0].startswith("gpt: d blocks.1.mlp.up.weight is off by")


@pytest.mark.parametrize("oracle, factor", [("adjoint", 1 + 1e-6), ("central", 1.01)])
def test_the_oracles_of_all_arrays_at_once_see_one_that_is_wrong(oracle, factor):
    layer = LAYERS["gpt"]
    trial = Trial(layer, own_sizes(layer, parsed(GPT)), 0)
    output, gradients = trial.ours
    name = "blocks.1.mlp.up.weight"
    trial.ours = Outcome(output, gradients | {name: gradients[name] * factor})
    error, = at_size.ORACLES[oracle](trial).values()
    assert error > at_size.bound_of(layer, oracle)


def test_of_many_wrong_arrays_a_few_are_named(capsys, monkeypatch):
    right = gpt.backward
    monkeypatch.setattr(gpt, "backward",
                        lambda *given: tree.map(lambda grad: 2 * grad, right(*given)))
    lines = said_of(["gpt", "--sizes", GPT], capsys, 1).splitlines()
    assert sum(line.startswith("gpt: d ") for line in lines) == at_size.SHOWN
    assert lines[-1] == f"and {2 * 40 + 2 - at_size.SHOWN} more"


def test_a_gradient_that_is_no_number_fails_before_each_row():
    layer = LAYERS["linear"]
    trial = Trial(layer, own_sizes(layer, {"B": 2, "T": 3}), 0)
    trial.ours.gradients["bias"][0] = float("nan")
    errors = at_size.row_errors(trial)
    assert errors["d bias"] == float("inf") and errors["d x"] < 1e-12


def test_a_gradient_about_zero_proves_nothing(capsys):
    said = said_of(["softmax", "--sizes", "T=1"], capsys, 1)
    assert "softmax: d x is below 2e-09, so an error of 1e-06 in it would pass" in said


def test_a_result_that_rounding_moves_is_no_failure(capsys):
    said_of(["layer_norm", "--sizes", "B=3,T=5,C=2"], capsys, 0)  # d x: terms 10^5 times its size


@pytest.mark.parametrize("stem, words, shown", [
    ("attention", "B=2,T=3,C=32", "B = 2, T = 3, H = 4, C = 32"),
    ("attention", "B=2,T=3,C=32,D=16", "B = 2, T = 3, H = 2, C = 32"),
    ("attention", "B=2,T=3,H=3,D=5", "B = 2, T = 3, H = 3, C = 15"),
    ("embedding", "B=2,S=9", "B = 2, T = 9, V = 65, S = 9, C = 128"),
    ("linear", "I=3", "B = 12, T = 64, I = 3, O = 128"),
    ("grouped_attention", "B=2,T=3,H=9,C=36", "B = 2, T = 3, K = 1, H = 9, C = 36"),
    ("grouped_attention", "B=2,T=3,H=9,K=3,D=4", "B = 2, T = 3, K = 3, H = 9, C = 36"),
    ("rope", "T=3,D=6", "B = 12, H = 4, T = 3, C = 24"),
    ("llama_block", "B=2,H=6,D=4", "B = 2, T = 64, K = 2, F = 344, H = 6, C = 24"),
])
def test_sizes_that_are_not_given_follow_from_the_others(stem, words, shown):
    assert own_words(own_sizes(LAYERS[stem], parsed(words))) == shown


def test_a_preset_has_the_models_sizes_and_few_tokens():
    n = own_sizes(LAYERS["gpt"], {}, "gpt2")
    assert own_words(n) == "B = 1, T = 64, V = 50257, S = 1024, L = 12, H = 12, C = 768"
    assert own_sizes(LAYERS["block"], {"T": 2000}, "gpt2")["T"] == 2000  # it has no S
    n = own_sizes(LAYERS["llama"], {}, "gpt2")
    assert own_words(n) == ("B = 1, T = 64, V = 50257, S = 1024, L = 12, K = 6, F = 2048, "
                            "H = 12, C = 768")


@pytest.mark.parametrize("words, refusal", [
    ("attention --sizes B2", "sizes is B2; allowed: each letter once"),
    ("attention --sizes B=0", "sizes is B=0; allowed: each letter once"),
    ("attention --sizes B=2,B=3", "sizes is B=2,B=3; allowed: each letter once"),
    ("attention --sizes V=5", "sizes has V, which attention has not; allowed: B, T, H, D, C"),
    ("attention --sizes C=30", "sizes has C = 30; allowed: a multiple of H = 4"),
    ("attention --sizes C=30,D=4", "sizes has C = 30; allowed: a multiple of D = 4"),
    ("attention --sizes C=30,H=2,D=4", "sizes has C = 30; allowed: H D = 8"),
    ("grouped_attention --sizes H=4,K=3", "sizes has K = 3; allowed: a divisor of H = 4"),
    ("rope --sizes D=5", "sizes has D = 5; allowed: an even number"),
    ("rope --sizes P=5", "sizes has P, which rope has not; allowed: B, H, T, D, C"),
    ("gpt --sizes T=9,S=8", "sizes has T = 9; allowed: at most S = 8"),
    ("gpt --preset gpt2 --sizes T=2048", "sizes has T = 2048; allowed: at most S = 1024"),
    ("gpt --preset gpt3", "preset is gpt3; allowed: micro, laptop, baby, gpt2"),
    ("gpt --sizes B=1 --examples 3", "examples is given; allowed: only without --sizes"),
    ("gpt --sizes B=1 --derivations", "derivations is given; allowed: only without --sizes"),
    ("gpt --seed 1", "seed is 1; allowed: an integer from 0 up, with --sizes, --preset or --model"),
    ("gpt --sizes B=1000000", "; allowed: what fits into the "),
])
def test_what_can_not_be_is_one_sentence(words, refusal, capsys):
    said = said_of(words.split(), capsys, 2)
    assert refusal in said and said.count("\n") == 1


@pytest.mark.parametrize("stem", ["linear", "embedding", "layer_norm", "softmax", "flash_attention",
                                  "mlp", "block", "cross_entropy", "gpt", "rms_norm", "rope",
                                  "swiglu", "grouped_attention", "llama_block", "llama"])
def test_the_estimate_is_above_what_is_held_but_not_far(stem):
    layer = LAYERS[stem]
    small = {"B": 2, "T": 32, "L": 1, "H": 2, "C": 64, "K": 1, "F": 176}
    has = set(composed(dict.fromkeys(layer.letters, 1)))
    n = own_sizes(layer, {letter: size for letter, size in small.items() if letter in has})
    tracemalloc.start()
    trial = Trial(layer, n, 0)
    at_size.adjoint_errors(trial)
    at_size.row_errors(trial)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < room.bytes_needed(layer, n) < 5 * peak


def test_a_trained_model_is_checked_on_its_own_text(run, capsys):
    said = said_of(["--model", "run"], capsys, 0)
    assert "best.npz, after step 20\n" in said and "loss at B = 4, T = 8, V = " in said
    said = said_of(["--model", "run/checkpoint.npz", "--sizes", "B=2,T=3"], capsys, 0)
    assert "loss at B = 2, T = 3, V = " in said


def test_a_wrong_gradient_is_seen_at_a_trained_model(run, capsys, monkeypatch):
    right = linear.backward
    monkeypatch.setattr(linear, "backward", lambda dy, cache: (
        lambda dx, dp: (dx, dp._replace(bias=dp.bias * (1 + 1e-6))))(*right(dy, cache)))
    assert "loss: d blocks.0.mlp.up.bias is off by" in said_of(["--model", "run"], capsys, 1)


def test_a_trained_llama_is_checked_likewise(run, capsys, monkeypatch):
    heads = "--n-head", "4", "--n-kv-head", "2"
    assert train("--with", "numpy", *SMALL, "--model", "llama", *heads, "--out", "llama") == 0
    said = said_of(["--model", "llama", "--sizes", "B=2"], capsys, 0)
    assert "loss at B = 2, T = 8, V = 21, S = 8, L = 1, K = 2, F = 24, H = 4, C = 8: " in said
    right = rope.backward
    monkeypatch.setattr(rope, "backward", lambda dy, cache: right(dy, cache) * (1 + 1e-6))
    said = said_of(["--model", "llama"], capsys, 1)
    assert "loss: d blocks.0.attention.k.weight is off by" in said and "mlp.up.weight is" not in said


@pytest.mark.parametrize("words, refusal", [
    ("--model nowhere", "checkpoint is nowhere, which is not a file"),
    ("--model run --sizes C=8", "sizes has C, which the model sets; allowed with --model: B, T"),
    ("--model run --sizes T=9", "sizes has T = 9; allowed: at most the model's S = 8"),
    ("gpt --model run", "layers is given; allowed: only without --model"),
    ("--model run --preset micro", "preset is given; allowed: only without --model"),
])
def test_what_a_model_has_not_is_one_sentence(run, words, refusal, capsys):
    said = said_of(words.split(), capsys, 2)
    assert refusal in said and said.count("\n") == 1


def test_a_text_that_is_gone_is_one_sentence(run, capsys):
    (run / "own.txt").rename("moved.txt")
    said = said_of(["--model", "run"], capsys, 2)
    (run / "moved.txt").rename("own.txt")
    assert "own.txt, where the run had it, but which is no file now" in said
