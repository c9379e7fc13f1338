"""The bench: its sides answer, its ratios are turn by turn, its exponents those of power laws."""

import numpy as np
import pytest

from compare.bench import bench, long_context
from compare.__main__ import main

TINY = dict(V=7, T=4, L=1, H=2, C=8, B=2)
LLAMA = dict(model="llama", **TINY, K=1, F=24)


@pytest.mark.parametrize("name, size", [("numpy", TINY), ("torch", LLAMA), ("numpy", LLAMA)])
def test_a_side_answers_from_a_process_of_its_own(name, size):
    with bench.Side(name, size, threads=1) as side:
        times, speeds, peak = side.ask("step 0"), side.ask("sample 5"), side.ask("peak")
        assert 0 < side.ask("products 0") < 1
    assert times.keys() == {"forward", "backward", "update", "step"}
    assert times["step"] > 0 and times["forward"] > 0 and times["update"] > 0
    assert speeds["cached"] > 0 and speeds["uncached"] > 0
    assert peak is None or 10e6 < peak < 10e9


def test_a_side_that_ends_early_is_one_sentence():
    with pytest.raises(ValueError, match="a side of the bench ended with exit code"):
        bench.Side("numpy", TINY | {"H": 3}, threads=1)


def test_a_ratio_is_taken_turn_by_turn():
    ours, theirs = [{"step": s} for s in (1, 40, 3)], [{"step": s} for s in (2, 50, 4)]
    assert bench.ratio_by_turns({"numpy": ours, "torch": theirs}, "numpy", "step") == (0.75, 0.5, 0.8)


def test_the_exponent_is_that_of_a_power_law():
    sizes = np.array([2.0, 3, 5, 8])
    assert abs(bench.slope(sizes, 0.3 * sizes**1.7) - 1.7) < 1e-12


def test_long_context_is_measured_on_both(monkeypatch):
    monkeypatch.setattr(long_context, "SHAPE", dict(B=1, H=2, T=64, D=4))
    found = long_context.time_both(2)
    assert [len(row["seconds"]) for row in found.values()] == [2, 2]
    assert found["plain"]["kept"] == 4 * 2 * 64 * (3 * 4 + 64)  # float32: q, k, v and the weights
    assert found["flash"]["kept"] == 4 * 2 * 64 * (4 * 4 + 1)   # q, k, v, y and the log-sum-exp
    assert long_context.context_table(found).count("\n") == 3


def test_a_size_that_is_none_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["bench", "--sizes", "7"])
    assert "invalid choice: 7" in capsys.readouterr().err


def test_the_rows_of_a_llama_say_what_a_gpt_has_not():
    times = {name: [dict.fromkeys(bench.PARTS, 0.25)] for name in ("numpy", "torch")}
    tables = [bench.step_table(size, times, dict.fromkeys(times), dict.fromkeys(times, [0.1]), 1e9)
              for size in (TINY, LLAMA)]
    assert [[line[:35] for line in table.splitlines()] for table in tables] == [
        [f"{'7, 4, 1, 2, 8, 2':<26}numpy    ", f"{'':<26}torch    "],
        [f"{'7, 4, 1, 2, 8, 2':<26}numpy    ", f"{'llama, K = 1, F = 24':<26}torch    "]]


def test_another_checkout_takes_turns(tmp_path, capsys):
    assert main(["bench", "--against", str(tmp_path)]) == 2
    assert "allowed: the folder of another checkout" in capsys.readouterr().err
    with bench.sides(TINY, ["numpy"], 1, bench.HOUSE) as these:
        turns = bench.duel(these, 2, "step 0")
    middle, least, most = bench.ratio_by_turns(turns, "numpy", "step", "there")
    assert [*turns] == ["numpy", "there"] and 0 < least <= middle <= most
