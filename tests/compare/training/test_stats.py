"""What --stats notes of the inside of a model: the same by both sides, and by hand."""

import csv
from xml.etree import ElementTree

import numpy as np
import pytest

from compare.files import checkpoint
from compare.layers.models import MODELS
from compare.layers.streams import stream
from compare.training import stats
from reference import gpt
from reference.tools import tree
from runs import SMALL, TEXT, train

WORDS = [*SMALL, "--n-layer", "2", "--dtype", "float64", "--stats"]


def rows(folder):
    with open(f"{folder}/stats.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def numbers(row):
    return [float(row[name]) for name in stats.COLUMNS]


@pytest.mark.parametrize("model", MODELS)
def test_both_sides_note_the_same(place, model):
    for side in "numpy", "torch":
        assert train("--with", side, *WORDS, "--model", model, "--out", side) == 0
    ours, theirs = rows("numpy"), rows("torch")
    layers = ["embedding", "blocks.0", "blocks.1", "norm"]
    assert [(row["step"], row["layer"]) for row in ours] == [
        (str(step), layer) for step in range(1, 21) for layer in layers]
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(numbers(one), numbers(other), rtol=1e-9)


def test_a_first_row_by_hand(place):
    assert train("--with", "numpy", *WORDS, "--steps", "1", "--warmup", "0") == 0
    kept = checkpoint.load("run/checkpoint.npz")
    p = gpt.init(kept.config, stream(0, "initial values"), np.float64)
    text = np.array([sorted(set(TEXT)).index(c) for c in TEXT])[:len(TEXT) * 9 // 10]
    starts = stream(0, "batches").integers(0, len(text) - 8, 4)
    tokens, targets = (np.stack([text[i + k:i + k + 8] for i in starts]) for k in range(2))

    def loss(scale):
        """The loss where the table of positions is moved: as the embedding's output is."""
        return gpt.loss(tokens, targets, p._replace(embedding=moved(p.embedding, scale)),
                        config=kept.config)

    def moved(embedding, h):
        weight = embedding.position.weight.copy()
        weight[3, 5] += h
        return embedding._replace(position=embedding.position._replace(weight=weight))

    x = p.embedding.token.weight[tokens] + p.embedding.position.weight
    first = rows("run")[0]
    assert abs(float(first["activation"]) - np.sqrt(((x - x.mean()) ** 2).mean())) < 1e-12
    _, _, dx = gradient_of_embedding(tokens, targets, p, kept.config)
    assert abs(dx[:, 3, 5].sum() - (loss(1e-5) - loss(-1e-5)) / 2e-5) < 1e-8
    assert abs(float(first["gradient"]) - np.sqrt(((dx - dx.mean()) ** 2).mean())) < 1e-12
    for row, before, after in zip(rows("run"), stats.parts(p), stats.parts(kept.params), strict=True):
        old, new = (np.concatenate([a.ravel() for a in tree.leaves(part)]) for part in (before, after))
        assert abs(float(row["update"]) - np.linalg.norm(new - old) / np.linalg.norm(old)) < 1e-12


def gradient_of_embedding(tokens, targets, p, config):
    """Return the loss, the gradients, and the one that comes back to the embedding's output."""
    seen = []

    def backward(dy, cache, backward=gpt.embedding.backward):
        seen.append(dy)
        return backward(dy, cache)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gpt.embedding, "backward", backward)
        return *gpt.loss_and_grad(tokens, targets, p, config=config), seen[0]


@pytest.mark.parametrize("side", ["numpy", "torch"])
def test_a_resumed_run_has_the_stats_of_an_unbroken_one(place, capsys, side):
    words = ["--with", side, *WORDS, "--dropout", "0.2", "--accumulate", "2"]
    assert train(*words, "--out", "whole") == 0
    assert "at step 20      " in capsys.readouterr().out
    assert train(*words, "--out", "broken", stop=7) == 130
    assert train("--with", side, "--resume", "--out", "broken") == 0
    for name in "stats.csv", "stats.svg", "log.csv":
        whole, broken = ((place / run / name).read_bytes() for run in ("whole", "broken"))
        assert whole == broken
    root = ElementTree.parse("whole/stats.svg").getroot()
    lines = [node for node in root.iter() if node.tag.endswith("polyline")]
    assert len(lines) == 3 * 4 and all(len(line.get("points").split()) == 20 for line in lines)


def test_they_change_nothing_else(place):
    assert train("--with", "numpy", *WORDS, "--out", "with") == 0
    assert train("--with", "numpy", *WORDS[:-1], "--out", "without") == 0
    assert not (place / "without" / "stats.csv").exists()
    found, wanted = (checkpoint.load(f"{name}/checkpoint.npz") for name in ("with", "without"))
    assert all(map(np.array_equal, tree.leaves(found.params), tree.leaves(wanted.params)))
    assert found.log.entries == wanted.log.entries


def test_a_run_without_them_goes_on_without_them(place, capsys):
    assert train("--with", "numpy", *WORDS[:-1], stop=3) == 130
    assert train("--with", "numpy", "--resume", "--stats") == 2
    assert "stats is True, but the run that is resumed has False" in capsys.readouterr().err
