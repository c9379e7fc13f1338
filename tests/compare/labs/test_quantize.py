"""The lab quantize: what it rounds, on both sides, and its settings."""

import numpy as np
import pytest

from compare.__main__ import main
from compare.labs.dialect import CONFIG
from compare.labs.learners import computed, drawn_params
from compare.labs.quantize import COLORS, LEVELS, block_matrices, log_height, place_of_loss
from compare.labs.run import read_run
from reference.tools import tree


def test_the_matrices_of_the_blocks_are_rounded_and_nothing_else():
    params = drawn_params(CONFIG, np.random.default_rng(0))
    found = block_matrices(params)
    assert {name.split(".", 2)[2] for name in found} == {
        "attention.qkv.weight", "attention.proj.weight", "mlp.up.weight", "mlp.down.weight"}
    assert len(found) == 4 * CONFIG.n_layer and sum(w.size for w in found.values()) == 24_576
    assert tree.count(params) == 27_040  # as the page says


def test_the_side_that_is_asked_rounds(monkeypatch):
    from compare.layers.source import module_of, twin
    for side, module in ("numpy", module_of("quantize")), ("torch", twin("quantize")):
        monkeypatch.setattr(module, "rounded", lambda w, kind, block, side=side: w * len(side))
        made, = computed(side, "quantize", "rounded", np.ones(4), kind="int4", block=2)
        assert made.tolist() == [5.0] * 4
        monkeypatch.undo()


def test_the_picture_has_every_point_of_its_kinds():
    one = read_run("quantize").measured[0]
    assert set(COLORS) == set(LEVELS) - {"int8"}
    assert place_of_loss(one, "int2", "block 64") == (
        2.5, pytest.approx(4 + np.log10(one.numbers["lost, int2, block 64"])))
    assert place_of_loss(one, "NF4", "one scale")[0] == 4
    assert log_height(-0.1) == log_height(1e-4) == 0 and log_height(1e-2) == pytest.approx(2)


@pytest.mark.parametrize("words, sentence", [
    (["--base", "0"], "base is 0; allowed: from 1 up"),
    (["--steps", "0"], "steps is 0; allowed: from 1 up")])
def test_a_setting_out_of_range_is_one_sentence(words, sentence, capsys):
    assert main(["lab", "quantize", *words]) == 2
    assert sentence in capsys.readouterr().err
