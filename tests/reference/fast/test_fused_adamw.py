"""AdamW in place: the textbook's update, for any cut into pieces, and nothing of the caller's changed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.layers.both import relative_error
from reference import adamw, gpt, train
from reference.fast import fused_adamw, parallel
from reference.tools import tree
from strategies import configs, seeds

rates = st.fixed_dictionaries({
    "lr": st.sampled_from([1e-3, 0.1]), "beta1": st.sampled_from([0.0, 0.9]),
    "beta2": st.sampled_from([0.95, 0.999]), "eps": st.sampled_from([1e-8, 1e-2]),
    "weight_decay": st.sampled_from([0.0, 0.3])})


def of_size_1(p, rng):
    return tree.map(lambda a: rng.standard_normal(a.shape).astype(a.dtype), p)


@given(configs(), rates, st.integers(1, 400), st.integers(1, 3), seeds,
       st.sampled_from(["float64", "float32"]), st.booleans())
def test_it_makes_the_textbooks_updates(config, rates, piece, threads, seed, dtype, resumed):
    rng = np.random.default_rng(seed)
    first = of_size_1(gpt.init(config, rng, dtype), rng)
    start = adamw.init(first)
    if resumed:
        start = adamw.State(5, of_size_1(first, rng), tree.map(np.abs, of_size_1(first, rng)))
    p, before, state = first, tree.map(np.copy, (first, *start[1:])), start
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fused_adamw, "PIECE", piece)
        patch.setattr(fused_adamw, "ALONE", 0)  # so that threads share the pieces
        fused = fused_adamw.FusedAdamW(p, start if resumed else None, threads)
        ours, found = fused.params, fused.init(p)
        for _ in range(3):
            grads = of_size_1(p, rng)
            clipped, norm = adamw.clip(grads, 1.0)
            p, state = adamw.update(p, clipped, state, **rates)
            clipped, ours_norm = fused.clip(grads, 1.0)
            ours, found = fused.update(ours, clipped, found, **rates)
            assert ours_norm == norm
    bound = 1e-13 if dtype == "float64" else 1e-5
    assert found.step == state.step == 3 + start.step
    for mine, theirs in (ours, p), (found.m, state.m), (found.v, state.v):
        for a, b in zip(tree.leaves(mine), tree.leaves(theirs), strict=True):
            assert a.dtype == b.dtype and relative_error(a, b, 1.0) <= bound
    for a, b in zip(tree.leaves((first, *start[1:])), tree.leaves(before), strict=True):
        assert np.array_equal(a, b)  # what was given is as it was


@given(st.lists(st.tuples(st.integers(1, 50), st.booleans()), min_size=1, max_size=12),
       st.integers(1, 60))
def test_groups_hold_every_parameter_once(parameters, piece):
    sizes, decays = zip(*parameters)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fused_adamw, "PIECE", piece)
        groups = fused_adamw.groups(sizes, decays)
    assert sorted(i for group in groups for i in group.leaves) == list(range(len(sizes)))
    assert [group.start for group in groups] == [0, *(group.stop for group in groups[:-1])]
    for group in groups:
        assert group.stop - group.start == sum(sizes[i] for i in group.leaves)
        assert {decays[i] for i in group.leaves} == {group.decays}
        assert len(group.leaves) == 1 or group.stop - group.start <= piece
    decaying = [group.decays for group in groups]
    assert decaying == sorted(decaying, reverse=True)  # those that decay first
    for a, b in zip(groups, groups[1:]):  # none could have taken one more
        assert a.decays != b.decays or a.stop - a.start + sizes[b.leaves[0]] > piece


def test_training_in_place_takes_the_steps_of_the_textbook():
    config = gpt.Config(vocab_size=7, block_size=5, n_layer=2, n_head=2, n_embd=8, dropout=0.1)
    rng = np.random.default_rng(0)
    p, schedule = gpt.init(config, rng, "float64"), train.Schedule(steps=30, warmup=5, lr=1e-2)
    batches = [(*rng.integers(0, 7, (2, 6, 5)), gpt.draw_keep(rng, 6, 5, config)) for _ in range(30)]
    before = tree.map(np.copy, p)
    optimizer = fused_adamw.FusedAdamW(p, threads=2)
    textbook = list(train.train(p, batches, config=config, schedule=schedule,
                                loss_and_grad=gpt.loss_and_grad))
    fast = list(train.train(optimizer.params, batches, config=config, schedule=schedule,
                            loss_and_grad=parallel.loss_and_grad, optimizer=optimizer))
    for a, b in zip(textbook, fast, strict=True):
        assert a.index == b.index and a.lr == b.lr
        assert abs(a.loss - b.loss) <= 1e-12 and abs(a.norm - b.norm) <= 1e-11
    for a, b in zip(tree.leaves(textbook[-1].params), tree.leaves(fast[-1].params)):
        assert np.abs(a - b).max() <= 1e-11
    assert all(map(np.array_equal, tree.leaves(p), tree.leaves(before)))


def test_parameters_or_a_state_other_than_its_own_are_refused():
    p = gpt.init(gpt.Config(2, 2, 1, 1, 2), np.random.default_rng(0))
    fused = fused_adamw.FusedAdamW(p)
    clipped, _ = fused.clip(p, 1.0)
    for wrong in (p, fused.state), (fused.params, adamw.init(p)):
        with pytest.raises(ValueError, match="allowed: its params and state"):
            fused.update(wrong[0], clipped, wrong[1], lr=0.1)


def test_gradients_of_other_shapes_are_refused():
    p = gpt.init(gpt.Config(2, 2, 1, 1, 2), np.random.default_rng(0))
    wide = gpt.init(gpt.Config(3, 2, 1, 1, 2), np.random.default_rng(0))
    with pytest.raises(ValueError, match="another shape at embedding.token.weight than p; allowed"):
        fused_adamw.FusedAdamW(p).clip(wide, 1.0)
