"""The log of a run: each of its columns against one computed another way, outside of training."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import torch_impl.gpt
from compare.files.packing import Entry, Log
from compare.layers import weights
from compare.layers.streams import stream
from compare.text.tokenizers import CharTokenizer
from compare.training import log
from reference import gpt
from runs import TEXT, entries, train

STEPS, B, S, V = 12, 1, 8, len(set(TEXT))
LR, MIN_LR, WARMUP, CLIP = 0.05, 0.005, 3, 0.5
WORDS = ["--dtype", "float64", "--block-size", S, "--n-layer", 1, "--n-head", 2, "--n-embd", 8,
         "--batch-size", B, "--steps", STEPS, "--warmup", WARMUP, "--lr", LR, "--min-lr", MIN_LR,
         "--clip", CLIP, "--weight-decay", 0.1, "--beta2", 0.99]


def entry(step, valid=None):
    return Entry(step, 2.0, valid, 0.1, 0.2)


@pytest.mark.parametrize("steps, due, entered", [
    (1, [1], [1]), (3, [1, 2, 3], [1, 2, 3]), (20, range(2, 21, 2), range(1, 21)),
    (25, [*range(2, 25, 2), 25], range(1, 26)), (250, range(25, 251, 25), sorted({*range(2, 251, 2), *range(25, 251, 25)})),
    (205, [*range(20, 201, 20), 205], [*range(2, 205, 2), 205])])
def test_it_is_measured_ten_times_and_entered_a_hundred_and_both_at_the_end(steps, due, entered):
    assert [n for n in range(1, steps + 1) if log.is_due(n, steps)] == [*due]
    assert [n for n in range(1, steps + 1) if log.is_entered(n, steps)] == [*entered]


@pytest.mark.parametrize("entries, done, owed", [
    ([], 2, False), ([entry(2)], 2, True), ([entry(2, 1.5)], 2, False), ([entry(1)], 1, False),
    ([entry(2)], 4, False), ([entry(2, 1.5), entry(4)], 4, True), ([entry(4), entry(5)], 5, False),
    ([entry(20)], 20, True)])
def test_it_is_owed_where_the_last_step_was_due_and_is_not_measured(entries, done, owed):
    assert log.is_owed(Log(tuple(entries)), done, 20) is owed


def test_an_entry_is_the_mean_of_the_losses_since_the_one_before():
    found = Log()
    for index, loss in enumerate([3.0, 2.0, 4.0]):
        found = log.noted(found, loss)
        step = SimpleNamespace(index=index, lr=0.5, norm=np.float32(0.25))
        if index != 1:
            found = log.entered(found, step)
    assert found == Log((Entry(1, 3.0, None, 0.5, 0.25), Entry(3, 3.0, None, 0.5, 0.25)))
    assert log.measured(found, 1.5).entries == (found.entries[0], Entry(3, 3.0, 1.5, 0.5, 0.25))
    assert log.noted(found, 2.0) == found._replace(total=2.0, count=1)


def expected(every):
    """Return the rows of the log, from a loop of torch's own that shares no code with training."""
    ids = CharTokenizer(TEXT).encode(TEXT)
    cut = len(ids) * 9 // 10
    train_ids, valid_ids = ids[:cut], ids[cut:]
    config = gpt.Config(V, S, 1, 2, 8)
    model = torch_impl.gpt.GPT(**vars(config))
    weights.load_into(model, gpt.init(config, stream(0, "initial values"), np.float64))
    params, draws = list(model.parameters()), stream(0, "batches")
    optimizer = torch.optim.AdamW([{"params": [p for p in params if p.ndim > 1], "weight_decay": 0.1},
                                   {"params": [p for p in params if p.ndim == 1], "weight_decay": 0}],
                                  betas=(0.9, 0.99))
    rows, losses = [], []
    for step in range(1, STEPS + 1):
        starts = draws.integers(0, len(train_ids) - S, B)
        rows_of = np.stack([train_ids[start:start + S + 1] for start in starts])
        loss = loss_of(model, rows_of)
        optimizer.zero_grad()
        loss.backward()
        norm = math.sqrt(sum(float((p.grad ** 2).sum()) for p in params))
        for p in params:
            p.grad *= min(1, CLIP / (norm + 1e-6))
        rate = LR * step / (WARMUP + 1) if step <= WARMUP else MIN_LR + (LR - MIN_LR) / 2 * (
            1 + math.cos(math.pi * (step - 1 - WARMUP) / (STEPS - WARMUP)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        losses.append(loss.item())
        if step % every == 0:
            most = len(valid_ids) if step == STEPS else 20 * B * S + 1
            rows.append((step, sum(losses) / len(losses), token_mean(model, valid_ids[:most]), rate, norm))
            losses = []
    return rows


def loss_of(model, rows):
    logits = model(torch.from_numpy(rows[:, :-1]))
    return F.nll_loss(logits.log_softmax(-1).flatten(0, 1), torch.from_numpy(rows[:, 1:]).flatten())


def token_mean(model, ids):
    """Return the mean loss over all tokens of a text but the first, a window at a time."""
    with torch.no_grad():
        sums = [loss_of(model, ids[None, i:i + S + 1]) * len(ids[i + 1:i + S + 1])
                for i in range(0, len(ids) - 1, S)]
    return float(sum(sums)) / (len(ids) - 1)


@pytest.mark.parametrize("side", ["numpy", "torch"])
def test_each_column_is_what_it_says(tmp_path, monkeypatch, side):
    (tmp_path / "own.txt").write_text(TEXT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(log, "EVALUATIONS", 4)
    monkeypatch.setattr(log, "ENTRIES", 4)
    assert train("--with", side, *map(str, WORDS)) == 0
    found = entries("run")
    assert [entry.step for entry in found] == [3, 6, 9, 12] and found[-1].loss < found[0].loss
    assert min(entry.norm for entry in found) > CLIP  # or that it is taken before clipping is not seen
    np.testing.assert_allclose(found, expected(3), rtol=1e-10)
