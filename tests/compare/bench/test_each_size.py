"""The sizes that are run once: both sides learn the same, in processes of their own."""

import json

from compare.__main__ import main
from compare.bench import each_size


def test_each_size_is_trained_on_both_sides_and_written(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(each_size, "EACH_SIZE", [dict(V=103, T=4, L=1, H=1, C=4, B=2)])
    path = tmp_path / "sizes.json"
    assert main(["bench", "--each-size", "--threads", "1", "--json", str(path)]) == 0
    row, = json.loads(path.read_text())["sizes"]
    ours, theirs = row["numpy"], row["torch"]
    assert len(ours["losses"]) == each_size.UPDATES and 4 < ours["losses"][0] < 5
    assert max(abs(a - b) for a, b in zip(ours["losses"], theirs["losses"])) < 1e-5
    assert ours["seconds"] > 0 and theirs["seconds"] > 0
    assert "\n103, 4, 1, 1, 4, 2 " in capsys.readouterr().out


def test_the_sizes_go_from_a_thousand_parameters_to_gpt2s():
    rows = [each_size.size_row(n, *[{"seconds": 1, "losses": [2.0], "peak": None}] * 2)
            for n in each_size.EACH_SIZE]
    counts = [int(row[27:39].replace(",", "")) for row in rows]
    assert counts == sorted(counts) and counts[0] < 1100 and counts[-1] == 124_439_808


def test_it_is_refused_with_the_other_benches(capsys):
    assert main(["bench", "--each-size", "--gradcheck"]) == 2
    assert "each_size is given; allowed: only without --gradcheck" in capsys.readouterr().err
