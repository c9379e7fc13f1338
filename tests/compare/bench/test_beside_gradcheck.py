"""The oracles beside torch.autograd.gradcheck: both judge the same gradients, and report it."""

import pytest

from compare.__main__ import main
from compare.bench import beside_gradcheck
from compare.bench.bench import Side
from compare.bench.beside_gradcheck import CHECKS
from compare.layers.sizes import sizes
from compare.layers.source import HOUSE
from compare.layers.table import LAYERS

LAYER = LAYERS["layer_norm"]
SIZES = sizes(LAYER.letters, "study")
TINY = dict(B=1, T=2, V=3, S=1, L=1, H=1, D=2)


@pytest.mark.parametrize("fault, finds", [
    ({}, []),
    ({"weight": 1 + 1e-6}, ["adjoint", "all oracles"]),
    ({"bias": 1 + 5e-4}, ["adjoint", "all oracles"]),
    ({"x": 1.1}, [*CHECKS]),
])
def test_each_check_finds_what_its_tolerance_lets_it(fault, finds):
    example = LAYER.example(SIZES, 0)
    assert [name for name, check in CHECKS.items()
            if not check(LAYER, SIZES, example, fault)] == finds


@pytest.mark.parametrize("stem", ["embedding", "cross_entropy"])
def test_ids_and_a_scalar_go_before_gradcheck(stem):
    layer = LAYERS[stem]
    n = sizes(layer.letters, "study")
    example = layer.example(n, 0)
    name = [*beside_gradcheck.oracles.variables(example)][-1]
    for check in "gradcheck fast", "gradcheck default":
        assert CHECKS[check](layer, n, example, {})
        assert not CHECKS[check](layer, n, example, {name: 1.1})


@pytest.mark.parametrize("words, name", [
    (["--against", str(HOUSE)], "against"), (["--sizes", "1"], "sizes")])
def test_what_is_of_the_other_bench_is_refused(capsys, words, name):
    assert main(["bench", "--gradcheck", *words]) == 2
    assert f"{name} is given; allowed: only without --gradcheck" in capsys.readouterr().err


def test_a_check_is_timed_in_a_process_of_its_own():
    with Side("adjoint", TINY, threads=1, module="beside_gradcheck") as side:
        assert 0 < side.ask("time 0")["seconds"] < 60


def test_the_tables_have_their_columns(monkeypatch):
    times = {"adjoint": 0.003, "all oracles": 0.1, "gradcheck fast": 0.09}
    row = {"parameters": 6976, "arrays": 28, "turns": {
        name: [{"seconds": s}] * 3 for name, s in times.items()}}
    assert beside_gradcheck.times_row(row).split() == ["6,976", "28", "3.0", "100.0", "90.0", "30",
                                                       "(30", "-", "30)"]
    row["turns"]["gradcheck default"] = [{"seconds": s} for s in (20, 24, 25)]
    assert beside_gradcheck.times_row(row).split()[5:] == [
        "24,000.0", "30", "(30", "-", "30)", "240", "(200", "-", "250)"]
    monkeypatch.setattr(beside_gradcheck, "LAYERS", {"layer_norm": LAYER})
    found = beside_gradcheck.finds()
    assert beside_gradcheck.finds_row("layer_norm", found["layer_norm"]).split() == [
        "layer_norm", *"3 3 3 0 0 3 3 0 0".split()]
