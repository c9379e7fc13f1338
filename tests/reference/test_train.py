"""Training and evaluation, on both sides, held against the same done by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import reference.train
import torch_impl.gpt
import torch_impl.train
from compare.layers import weights
from compare.text import corpus
from reference import gpt
from reference.tools import tree
from reference.train import Schedule
from strategies import configs, seeds


def draw(config, seed):
    """Parameters whose activations are O(1), and a torch model that holds them."""
    rng = np.random.default_rng(seed)
    params = tree.map(lambda a: a + 0.5 * rng.standard_normal(a.shape),
                      gpt.init(config, rng, "float64"))
    return params, weights.load_into(torch_impl.gpt.GPT(**vars(config)), params)


def as_tensors(batches):
    return [tuple(map(torch.from_numpy, batch)) for batch in batches]


def cost(window, target, params, config):
    """Minus the log of the probability of a target after a window: the softmax spelled out."""
    logits, _ = gpt.forward(np.array([window]), params, config=config)
    terms = [math.exp(logit) for logit in logits[0, -1]]
    return -math.log(terms[target] / math.fsum(terms))


@given(configs(), seeds, st.integers(2, 30), st.integers(1, 4))
@settings(max_examples=25)
def test_evaluation_is_the_mean_over_every_token_of_the_text(config, seed, length, batch_size):
    params, model = draw(config, seed)
    ids, S = np.random.default_rng(seed).integers(0, config.vocab_size, length), config.block_size
    costs = [cost(ids[i // S * S : i + 1], ids[i + 1], params, config) for i in range(length - 1)]
    batches = list(corpus.windows(ids, block_size=S, batch_size=batch_size))
    ours = reference.train.evaluate(params, batches, config=config, loss=gpt.loss)
    theirs = torch_impl.train.evaluate(model, as_tensors(batches))
    for found in ours, theirs:
        assert abs(found - np.mean(costs)) <= 1e-12 * max(1, max(costs))


@given(configs(), seeds)
@settings(max_examples=25)
def test_evaluation_does_not_count_what_is_ignored(config, seed):
    params, model = draw(config, seed)
    rng, T = np.random.default_rng(seed), config.block_size
    batches = [tuple(rng.integers(0, config.vocab_size, (2, B, T))) for B in (3, 1, 2, 1)]
    for _, targets in batches:
        targets[rng.random(targets.shape) < rng.random()] = -100
    batches[1][1][:] = -100  # of a whole batch
    batches[2][1][0, 0] = 0
    costs = [cost(tokens[b, : t + 1], targets[b, t], params, config) for tokens, targets in batches
             for b, t in np.argwhere(targets >= 0)]
    ours = reference.train.evaluate(params, batches, config=config, loss=gpt.loss)
    theirs = torch_impl.train.evaluate(model, as_tensors(batches))
    for found in ours, theirs:
        assert abs(found - np.mean(costs)) <= 1e-12 * max(1, max(costs))


@pytest.mark.parametrize("batches", [[], [(np.zeros((1, 2), int), np.full((1, 2), -100))]])
def test_an_evaluation_of_nothing_is_refused(batches):
    config = gpt.Config(3, 2, 1, 1, 2)
    params, model = draw(config, 0)
    with pytest.raises(ValueError, match="batches have 0 targets that count; allowed: at least 1"):
        reference.train.evaluate(params, batches, config=config, loss=gpt.loss)
    with pytest.raises(ValueError, match="batches have 0 targets that count; allowed: at least 1"):
        torch_impl.train.evaluate(model, as_tensors(batches))


@pytest.mark.parametrize("training", [True, False])
def test_evaluation_is_without_dropout_and_leaves_the_mode_of_the_model_alone(training):
    config = gpt.Config(5, 4, 1, 2, 8, dropout=0.5)
    params, model = draw(config, 0)
    model.train(training)
    batches = [tuple(np.random.default_rng(0).integers(0, 5, (2, 3, 4)))]
    ours = reference.train.evaluate(params, batches, config=config, loss=gpt.loss)
    assert abs(torch_impl.train.evaluate(model, as_tensors(batches)) - ours) <= 1e-13
    assert model.training is training and torch.is_grad_enabled()
    with pytest.raises(IndexError):
        torch_impl.train.evaluate(model, [(torch.full((1, 2), 5), torch.zeros(1, 2).long())])
    assert model.training is training


def by_hand(model, batches, schedule):
    """Train a model as the formulas say, with torch's gradients alone; yield (loss, norm, lr)."""
    ps = list(model.parameters())
    means, squares = ([torch.zeros_like(p) for p in ps] for _ in range(2))
    for t, (tokens, targets, keep) in enumerate(batches):
        logp = model(torch.from_numpy(tokens), keep and weights.to_torch(keep)).log_softmax(-1)
        loss = -logp.gather(-1, torch.from_numpy(targets)[..., None]).mean()
        grads = torch.autograd.grad(loss, ps)
        norm = math.sqrt(sum((g * g).sum().item() for g in grads))
        if t < schedule.warmup:
            lr = schedule.lr * (t + 1) / (schedule.warmup + 1)
        else:
            angle = math.pi * (t - schedule.warmup) / max(1, schedule.steps - schedule.warmup)
            lr = schedule.min_lr + (schedule.lr - schedule.min_lr) * (1 + math.cos(angle)) / 2
        for p, m, v, g in zip(ps, means, squares, grads):
            g = g * min(1, schedule.clip / (norm + 1e-6))
            m += (1 - schedule.beta1) * (g - m)
            v += (1 - schedule.beta2) * (g * g - v)
            mhat, vhat = m / (1 - schedule.beta1 ** (t + 1)), v / (1 - schedule.beta2 ** (t + 1))
            decay = schedule.weight_decay if p.ndim > 1 else 0
            p.data -= lr * (mhat / (vhat.sqrt() + schedule.eps) + decay * p.data)
        yield loss.item(), norm, lr


schedules = st.builds(
    Schedule, steps=st.integers(1, 6), lr=st.sampled_from([1e-2, 0.1]), min_lr=st.just(3e-3),
    warmup=st.integers(0, 3), beta1=st.sampled_from([0.0, 0.8]), beta2=st.sampled_from([0.9, 0.99]),
    eps=st.just(1e-2),  # or an entry whose gradient is all rounding moves as far as any other
    weight_decay=st.sampled_from([0.0, 0.4]), clip=st.sampled_from([0.1, 100.0]))


@given(configs(), schedules, st.data())
@settings(max_examples=25)
def test_a_training_takes_the_steps_of_the_formulas_whole_or_resumed(config, schedule, data):
    seed, stop = data.draw(seeds), data.draw(st.integers(0, schedule.steps))
    params, model = draw(config, seed)
    rng, shape = np.random.default_rng(seed), (2, 2, config.block_size)
    batches = [(*rng.integers(0, config.vocab_size, shape),
                gpt.draw_keep(rng, *shape[1:], config)) for _ in range(schedule.steps + 1)]
    tensors = [(*as_tensors([pair])[0], keep and weights.to_torch(keep)) for *pair, keep in batches]
    copy = draw(config, seed)[1]
    truth = list(by_hand(copy, batches[:-1], schedule))

    def ours(batches, p=params, state=None):
        return list(reference.train.train(p, batches, config=config, schedule=schedule,
                                          loss_and_grad=gpt.loss_and_grad, state=state))

    whole = ours(batches)
    first = whole[:stop]
    parts = first + ours(batches[stop:], *first[-1][-2:] if first else (params, None))
    for run in whole, parts:
        hold_steps(run, truth)
        hold_parameters(dict(tree.walk(run[-1].params)), copy)
    optimizer = torch_impl.train.optimizer_of(model, schedule)
    steps = torch_impl.train.train(model.train(), tensors, schedule=schedule, optimizer=optimizer)
    theirs = [next(steps) for _ in range(stop)]
    theirs += torch_impl.train.train(model, tensors[stop:], schedule=schedule, optimizer=optimizer,
                                     start=stop)
    hold_steps(theirs, truth)
    hold_parameters({name: p.detach().numpy() for name, p in model.named_parameters()}, copy)


def hold_steps(found, truth):
    """Hold Steps, one for each update, against (loss, norm, lr)."""
    assert [step.index for step in found] == list(range(len(truth)))
    for step, (loss, norm, lr) in zip(found, truth):
        assert abs(step.loss - loss) <= 1e-9 * max(1, loss)
        assert abs(step.norm - norm) <= 1e-9 * max(1, norm)
        assert abs(step.lr - lr) <= 1e-14


def hold_parameters(found, model):
    for name, p in model.named_parameters():
        assert np.abs(found[name] - p.detach().numpy()).max() <= 1e-9, name


NOT_FINITE = "stopped at step 0, before its update: loss is .*, gradient norm is .*; allowed"


@pytest.mark.parametrize("loss, grad", [
    (math.nan, 1.0), (math.inf, 1.0), (1.0, math.nan), (1.0, math.inf)])
def test_a_loss_or_a_gradient_that_is_not_finite_makes_no_step(loss, grad):
    config, schedule = gpt.Config(5, 4, 1, 2, 8), Schedule(steps=1)
    params, model = draw(config, 0)
    ids = np.zeros((1, 4), int)
    spoilt = np.float64(loss), tree.map(lambda a: np.full_like(a, grad), params)
    with pytest.raises(FloatingPointError, match=NOT_FINITE):
        list(reference.train.train(params, [(ids, ids, None)], config=config, schedule=schedule,
                                   loss_and_grad=lambda *_, **__: spoilt))
    before = [p.detach().clone() for p in model.parameters()]
    model.register_forward_hook(lambda _, inputs, logits: logits * loss)
    model.norm.bias.register_hook(lambda dbias: dbias * grad)
    with pytest.raises(FloatingPointError, match=NOT_FINITE):
        list(torch_impl.train.train(model, [(*as_tensors([(ids, ids)])[0], None)],
                                    schedule=schedule))
    assert all(map(torch.equal, before, model.parameters()))


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"lr": -1.0}, {"beta2": 1.0}, {"clip": 0.0},
                                   {"lr": float("nan")}, {"lr": float("inf")}, {"decay_steps": -1},
                                   {"weight_decay": float("inf")}, {"clip": float("inf")}])
def test_a_schedule_that_cannot_work_is_refused(wrong):
    (name, value), = wrong.items()
    with pytest.raises(ValueError, match=f"{name} is {value}; allowed: from "):
        Schedule(**wrong)


# batches whose gradients are accumulated

def parts_of(config, seed, count):
    """Draw batches of different sizes, some of whose targets are ignored, and the batch of all."""
    rng = np.random.default_rng(seed)
    parts = []
    for _ in range(count):
        B, T = rng.integers(1, 4), config.block_size
        tokens, targets = rng.integers(0, config.vocab_size, (2, B, T))
        targets[rng.random((B, T)) < 0.4] = -100
        parts.append((tokens, targets, gpt.draw_keep(rng, B, T, config)))
    tokens, targets = (np.concatenate([part[i] for part in parts]) for i in range(2))
    keeps = [part[2] for part in parts]
    keep = keeps[0] and tree.map(lambda *masks: np.concatenate(masks), *keeps)
    return parts, (tokens, targets, keep)


@given(configs(), seeds, st.integers(2, 4))
def test_accumulated_parts_have_the_gradient_of_the_whole(config, seed, count):
    parts, (tokens, targets, keep) = parts_of(config, seed, count)
    assume((targets != -100).any() and config.n_embd > 2)  # or layer_norm is ill-conditioned
    p = gpt.init(config, np.random.default_rng(seed), np.float64)
    p = tree.map(lambda a: np.random.default_rng(a.size).standard_normal(a.shape), p)
    wanted, grads = gpt.loss_and_grad(tokens, targets, p, config=config, keep=keep)
    loss, ours = reference.train.accumulated(parts, p, config, gpt.loss_and_grad)
    model = weights.load_into(torch_impl.gpt.GPT(**vars(config)), p)
    theirs = torch_impl.train.accumulated(
        [(torch.from_numpy(a), torch.from_numpy(b), keep and weights.to_torch(keep))
         for a, b, keep in parts], model, torch_impl.train.cross_entropy)
    assert abs(loss - wanted) <= 1e-12 * max(1, wanted) and abs(theirs - wanted) <= 1e-12 * max(1, wanted)
    found = weights.gradients(model)
    for (name, grad), mine in zip(tree.walk(grads), tree.leaves(ours)):
        size = max(1e-2, np.abs(grad).max())  # terms are O(1): below, their rounding is seen
        assert np.abs(mine - grad).max() <= 1e-11 * size, name
        assert np.abs(found[name] - grad).max() <= 1e-11 * size, name


def test_parts_that_count_nowhere_are_refused_together():
    config = gpt.Config(3, 2, 1, 1, 2)
    params, model = draw(config, 0)
    part = np.zeros((1, 2), int), np.full((1, 2), -100), None
    with pytest.raises(ValueError, match="every target is ignore_index"):
        reference.train.accumulated([part, part], params, config, gpt.loss_and_grad)
    tensors = *as_tensors([part[:2]])[0], None
    with pytest.raises(ValueError, match="every target is ignore_index"):
        torch_impl.train.accumulated([tensors, tensors], model, torch_impl.train.cross_entropy)


@pytest.mark.parametrize("accumulate, updates", [(1, 5), (2, 3), (5, 1), (6, 1)])
def test_a_training_ends_with_its_batches(accumulate, updates):
    config, schedule = gpt.Config(3, 2, 1, 1, 2), Schedule(steps=9)
    params, model = draw(config, 0)
    batches = [(*np.random.default_rng(i).integers(0, 3, (2, 1, 2)), None) for i in range(5)]
    tensors = [(*map(torch.from_numpy, batch[:2]), None) for batch in batches]
    ours = list(reference.train.train(params, batches, config=config, schedule=schedule,
                                      loss_and_grad=gpt.loss_and_grad, accumulate=accumulate))
    theirs = list(torch_impl.train.train(model, tensors, schedule=schedule, accumulate=accumulate))
    assert [step.index for step in ours] == [step.index for step in theirs] == [*range(updates)]
    np.testing.assert_allclose([step.loss for step in ours], [step.loss for step in theirs], rtol=1e-12)
