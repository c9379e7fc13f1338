"""Training: both sides in lockstep, and the loss that is not finite."""

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import reference.train
from compare.text import corpus, tokenizers
from compare.training import lockstep
from compare.training.job import Batches, Job
from reference import gpt
from reference.tools import tree
from reference.train import Schedule


def ids(length=5000, V=20, seed=0):
    """A text with something to learn: each token is one of two that follow the one before."""
    rng = np.random.default_rng(seed)
    tokens = np.cumsum(rng.integers(1, 3, length)) % V
    return tokens.astype(np.int64)


def job(steps, tokens=None, dropout=0.0, lr=1e-3, **sizes):
    sizes = dict(vocab_size=20, block_size=8, n_layer=1, n_head=2, n_embd=8) | sizes
    schedule = Schedule(steps=steps, lr=lr, min_lr=lr / 10, warmup=20)
    tokens = ids() if tokens is None else tokens
    return Job(gpt.Config(**sizes, dropout=dropout), schedule, 8, 0, "float64", None,
               train_ids=tokens, valid_ids=tokens)


def test_500_steps_stay_together():
    text = corpus.read_text()
    tokens = tokenizers.CharTokenizer(text).encode(text)[:20_000]
    long = job(500, tokens, vocab_size=103, block_size=16, n_layer=2, n_head=2, n_embd=16)
    params, model = lockstep.build(long)
    for pair in lockstep.steps(long, params, model):
        assert pair.difference <= 1e-12, pair.ours.index
    assert pair.ours.index == 499
    assert lockstep.parameter_difference(pair.ours.params, model) <= 1e-10


def test_dropout_with_shared_masks_stays_together():
    short = job(30, dropout=0.3)
    params, model = lockstep.build(short)
    for pair in lockstep.steps(short, params, model):
        assert pair.difference <= 1e-12
    assert lockstep.parameter_difference(pair.ours.params, model) <= 1e-10


def test_training_learns():
    short = job(200, lr=1e-2)
    params, model = lockstep.build(short)
    losses = [pair.ours.loss for pair in lockstep.steps(short, params, model)]
    assert losses[0] > 2.9 and np.mean(losses[-10:]) < 1.5  # log 20 = 3.0, the source's own is 0.7


@pytest.mark.parametrize("side", ["NumPy", "torch"])
def test_a_loss_that_is_not_finite_stops_before_the_update(side):
    short = job(10)
    params, model = lockstep.build(short)
    batches = Batches(short)
    if side == "NumPy":
        steps = reference.train.train(
            spoilt(params), batches, config=short.config, schedule=short.schedule,
            loss_and_grad=gpt.loss_and_grad)
    else:
        with torch.no_grad():
            model.norm.weight[0] = float("nan")
        steps = lockstep.torch_impl.train.train(
            model, lockstep.as_torch(batches), schedule=short.schedule)
    with pytest.raises(FloatingPointError, match="stopped at step 0, before its update: loss is nan"):
        list(steps)
    assert np.isfinite(model.embedding.token.weight.detach().numpy()).all()


def spoilt(params):
    weight = params.norm.weight.copy()
    weight[0] = np.nan
    return params._replace(norm=params.norm._replace(weight=weight))


def test_evaluation_is_the_same_on_both_sides_and_without_dropout():
    short = job(1, dropout=0.5)
    params, model = lockstep.build(short)
    model.train()
    valid = list(corpus.windows(ids(200), block_size=8, batch_size=4))
    tensors = [tuple(map(torch.from_numpy, pair)) for pair in valid]
    ours = reference.train.evaluate(params, valid, config=short.config, loss=gpt.loss)
    assert abs(ours - lockstep.torch_impl.train.evaluate(model, tensors)) <= 1e-14
    assert model.training


def test_the_tree_walks_and_comes_back():
    params, model = lockstep.build(job(1))
    named = dict(tree.walk(params))
    assert list(named) == [name for name, _ in model.named_parameters()]
    back = tree.unwalk(params, named)
    assert all(a is b for a, b in itertools.zip_longest(tree.leaves(params), tree.leaves(back)))


NUMPY_SIDE_OF_THE_DEMO = """
import sys
sys.modules["torch"] = None  # importing it would now fail
import numpy as np
from compare.text import corpus, tokenizers
from compare.files.options import MODEL, RUN
from reference import gpt, train
text = corpus.read_text()
ids = tokenizers.CharTokenizer(text).encode(text)
config = gpt.Config(vocab_size=103, **{name: option.default for name, option in MODEL["gpt"].items()})
rng = np.random.default_rng(0)
draws = corpus.batches(ids, block_size=config.block_size, batch_size=RUN["batch_size"].default,
                       rng=rng)
batches = ((tokens, targets, None) for tokens, targets in draws)
params = gpt.init(config, rng, np.float64)
steps = list(train.train(params, batches, config=config, schedule=train.Schedule(steps=20),
                         loss_and_grad=gpt.loss_and_grad))
assert steps[-1].loss < steps[0].loss
print(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])  # the peak, in kB
"""


def test_the_numpy_side_of_the_demo_needs_no_torch_and_at_most_500_mb():
    if not Path("/proc/self/status").exists():
        pytest.skip("the peak of a process is read from /proc, which only Linux has")
    done = subprocess.run([sys.executable, "-c", NUMPY_SIDE_OF_THE_DEMO], text=True,
                          capture_output=True, cwd=Path(__file__).parents[3])
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) * 1024 <= 500e6
