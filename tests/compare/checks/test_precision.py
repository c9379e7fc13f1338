"""The errors of float32 against float64: ours near torch's, and a bad formula is noticed."""

import dataclasses

import numpy as np
import pytest

from compare.checks import precision
from compare.layers.row import Example
from compare.layers.sizes import draw_wide_sizes
from compare.layers.table import LAYERS
from reference import layer_norm, linear

COMPOSED = ("attention", "mlp", "block", "gpt", "attention_only", "grouped_attention", "swiglu",
            "llama_block", "llama", "megabyte")  # their largest example takes seconds


@pytest.mark.parametrize("layer", LAYERS.values(), ids=list(LAYERS))
def test_ours_is_as_near_to_the_truth_as_torch(layer):
    rows = precision.measure(layer, range(layer.stem in COMPOSED, 20))
    assert "output" in rows
    for name, row in rows.items():
        assert row.passes, f"{name}: median {row.median}, worst {row.worst}"


def test_sizes_are_drawn_up_to_the_largest():
    drawn = [draw_wide_sizes("BTC", seed, {}, {}) for seed in range(200)]
    assert drawn[0] == {"B": 4, "T": 256, "C": 1024}
    assert min(n["C"] for n in drawn) == 8
    assert np.median([n["T"] for n in drawn]) == pytest.approx(16, rel=0.5)


def test_an_exact_result_of_torch_counts_as_half_a_unit():
    assert precision.Row([0.0, 0.0], [0.0, 0.0]).passes
    assert precision.Row([1.1e-7, 1.1e-7], [0.0, 0.0]).passes
    assert not precision.Row([1.3e-7, 1.3e-7], [0.0, 0.0]).passes


@pytest.mark.parametrize("ours, passes", [
    ([2.5e-7, 1e-7, 1e-7], True),    # one of three: the median holds
    ([2.5e-7, 2.5e-7, 1e-7], False),
    ([4.5e-7, 1e-7, 1e-7], False),
    ([float("inf"), 1e-7, 1e-7], False),
])
def test_the_limits(ours, passes):
    assert precision.Row(ours, [1e-7, 1e-7, 1e-7]).passes is passes


def far_off(rng, n):
    """LayerNorm's example with rows whose mean is a hundred times their deviation."""
    drawn = LAYERS["layer_norm"].draw(rng, n)
    return Example({"x": drawn.inputs["x"] + 100}, drawn.params, drawn.options)


def one_pass(x, p, *, eps=1e-5):
    """LayerNorm with the variance as the mean of the squares less the square of the mean."""
    mean = x.mean(-1, keepdims=True)
    rstd = 1 / np.sqrt((x * x).mean(-1, keepdims=True) - mean * mean + eps)
    xhat = (x - mean) * rstd
    return xhat * p.weight + p.bias, layer_norm.Cache(xhat, rstd, p.weight)


def test_a_variance_in_one_pass_fails(monkeypatch, capsys):
    layer = dataclasses.replace(LAYERS["layer_norm"], draw=far_off)
    assert precision.print_precision([layer], 10)
    monkeypatch.setattr(layer_norm, "forward", one_pass)
    assert not precision.print_precision([layer], 10)
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) < 100 for line in lines)
    assert any(line.startswith("  output") and line.endswith("FAILS") for line in lines)


def test_rows_added_one_after_the_other_fail(monkeypatch):
    monkeypatch.setattr(linear, "sum_over_rows", lambda x: x.sum(0))
    rows = precision.measure(LAYERS["linear"], range(20))
    assert [name for name, row in rows.items() if not row.passes] == ["d bias"]
