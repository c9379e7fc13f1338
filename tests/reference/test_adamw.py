"""What adamw.md proves, and 50 steps beside torch's AdamW, clipping and LambdaLR."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import torch_impl.adamw
from reference import adamw, linear
from strategies import seeds

rates = st.floats(1e-5, 1e-1)
hyperparameters = st.fixed_dictionaries({
    "beta1": st.floats(0, 0.99), "beta2": st.floats(0.5, 0.9999),
    "eps": st.sampled_from([1e-8, 1e-5]), "weight_decay": st.floats(0, 0.5)})


@given(hyperparameters, rates, st.floats(0, 1), st.integers(0, 60), st.floats(0.01, 100), seeds)
def test_fifty_steps_agree_with_torch(hyper, lr, fraction, warmup, max_norm, seed):
    rng = np.random.default_rng(seed)
    schedule = dict(lr=lr, min_lr=lr * fraction, warmup=warmup, steps=40)
    p = linear.Params(rng.standard_normal((3, 2)), rng.standard_normal(3))
    model = torch.nn.Linear(2, 3).double()
    model.load_state_dict({name: torch.from_numpy(a.copy()) for name, a in p._asdict().items()})
    optimizer = torch_impl.adamw.optimizer(model, lr=lr, **hyper)
    scheduler = torch_impl.adamw.scheduler(optimizer, **schedule)
    state = adamw.init(p)
    for step in range(50):
        grads = linear.Params(*(rng.standard_normal(a.shape) * 10 ** rng.uniform(-2, 1) for a in p))
        model.weight.grad, model.bias.grad = (torch.from_numpy(g.copy()) for g in grads)
        their_norm = torch_impl.adamw.clip(model, max_norm)
        clipped, norm = adamw.clip(grads, max_norm)
        assert math.isclose(norm, their_norm, rel_tol=1e-14)
        np.testing.assert_allclose(clipped.weight, model.weight.grad.numpy(), rtol=1e-13)
        rate = adamw.learning_rate(step, **schedule)
        assert math.isclose(rate, scheduler.get_last_lr()[0], rel_tol=1e-13)
        p, state = adamw.update(p, clipped, state, lr=rate, **hyper)
        optimizer.step()
        scheduler.step()
        for ours, theirs in zip(p, (model.weight, model.bias)):
            np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-12, atol=1e-12)


@given(hyperparameters, seeds)
def test_bias_correction_gives_back_a_constant_gradient(hyper, seed):
    rng = np.random.default_rng(seed)
    p, g = (linear.Params(rng.standard_normal((2, 3)), rng.standard_normal(2)) for _ in range(2))
    state = adamw.init(p)
    for t in range(1, 6):
        _, state = adamw.update(p, g, state, lr=0.0, **hyper)
        np.testing.assert_allclose(state.m.weight / (1 - hyper["beta1"] ** t), g.weight, rtol=1e-9)
        np.testing.assert_allclose(
            state.v.weight / (1 - hyper["beta2"] ** t), g.weight**2, rtol=1e-9)


@given(st.floats(0, 0.5), seeds)
def test_only_matrices_decay(weight_decay, seed):
    rng = np.random.default_rng(seed)
    p = linear.Params(rng.standard_normal((2, 3)), rng.standard_normal(2))
    zero = linear.Params(np.zeros((2, 3)), np.zeros(2))
    moved, _ = adamw.update(p, zero, adamw.init(p), lr=0.1, weight_decay=weight_decay)
    np.testing.assert_allclose(moved.weight, p.weight * (1 - 0.1 * weight_decay), rtol=1e-15)
    np.testing.assert_array_equal(moved.bias, p.bias)


@given(st.sampled_from(["float32", "float64"]), seeds)
def test_nothing_is_changed_and_the_dtype_is_kept(dtype, seed):
    rng = np.random.default_rng(seed)
    p, g = (linear.Params(rng.standard_normal((2, 3)).astype(dtype),
                          rng.standard_normal(2).astype(dtype)) for _ in range(2))
    before = adamw.init(p)
    for a in (*p, *g, *before.m, *before.v):
        a.flags.writeable = False
    clipped, _ = adamw.clip(g, 0.5)
    moved, state = adamw.update(p, clipped, before, lr=0.1)
    assert {a.dtype for a in (*clipped, *moved, *state.m, *state.v)} == {np.dtype(dtype)}


def test_a_run_that_only_warms_up_ends_at_the_full_rate():
    rates = [adamw.learning_rate(step, lr=1.0, min_lr=0.1, warmup=4, steps=4) for step in range(6)]
    np.testing.assert_allclose(rates, [0.2, 0.4, 0.6, 0.8, 1.0, 0.1], rtol=1e-15)


@pytest.mark.parametrize("step, rate", [(0, 0.25), (2, 0.75), (3, 1.0), (8, 0.55), (13, 0.1), (99, 0.1)])
def test_the_schedule_rises_falls_and_stays(step, rate):
    found = adamw.learning_rate(step, lr=1.0, min_lr=0.1, warmup=3, steps=13)
    assert math.isclose(found, rate, rel_tol=1e-15)


@pytest.mark.parametrize("steps", [20, 4])
@pytest.mark.parametrize("start", [0, 2, 5, 30])
def test_torchs_schedule_goes_on_from_where_it_stopped(start, steps):
    schedule = dict(lr=0.3, min_lr=0.1, warmup=4, steps=steps)
    optimizer = torch_impl.adamw.optimizer(torch.nn.Linear(1, 1), lr=0.3)
    scheduler = torch_impl.adamw.scheduler(optimizer, **schedule, start=start)
    for step in range(start, start + 20):
        truth = adamw.learning_rate(step, **schedule)
        assert all(math.isclose(lr, truth, rel_tol=1e-14) for lr in scheduler.get_last_lr())
        optimizer.step()
        scheduler.step()


def test_gradients_of_another_shape_are_refused_by_name():
    p, column = linear.Params(np.ones((2, 3)), np.ones(2)), linear.Params(np.ones((2, 1)), np.ones(2))
    with pytest.raises(ValueError, match="another shape at weight than p; allowed: the same shapes"):
        adamw.update(p, column, adamw.init(p), lr=0.1)
    with pytest.raises(ValueError, match="trees differ at the root: .*; allowed: trees of one form"):
        adamw.update(p, (p,), adamw.init(p), lr=0.1)
