"""The batch over processes: the gradient of the batch is the sum over its parts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.layers.both import relative_error
from reference import gpt
from reference.fast import blas, parallel
from reference.tools import tree
from strategies import configs, seeds

dtypes = st.sampled_from(["float64", "float32"])


def draw(config, B, seed, dtype):
    """A batch with some targets that do not count, and parameters of O(1)."""
    rng = np.random.default_rng(seed)
    tokens, targets = rng.integers(0, config.vocab_size, (2, B, config.block_size))
    targets[rng.random(targets.shape) < 0.3] = parallel.IGNORED
    targets.flat[rng.integers(targets.size)] = 0
    p = tree.map(lambda a: (a + 0.5 * rng.standard_normal(a.shape)).astype(dtype),
                 gpt.init(config, rng, dtype))
    return (tokens, targets, p), gpt.draw_keep(rng, B, config.block_size, config)


@given(configs(), st.integers(1, 6), st.integers(2, 4), seeds, dtypes)
def test_the_parts_sum_to_the_batch(config, B, count, seed, dtype):
    batch, keep = draw(config, B, seed, dtype)
    loss, grads = gpt.loss_and_grad(*batch, config=config, keep=keep)
    ours, parts = parallel.loss_and_grad(*batch, config=config, keep=keep, parts=count)
    bound = 1e-12 if dtype == "float64" else 2e-5
    largest = max(1e-3, *(np.abs(g).max() for g in tree.leaves(grads)))
    assert ours.dtype == loss.dtype and abs(ours - loss) <= bound * max(1e-3, abs(loss))
    assert parallel.loss(*batch, config=config, keep=keep, parts=count) == ours
    for ours, truth in zip(tree.leaves(parts), tree.leaves(grads), strict=True):
        assert ours.dtype == truth.dtype and relative_error(ours, truth, largest) <= bound


@given(configs(), st.sampled_from([0.25, 3.0]), seeds)
def test_a_weight_scales_the_loss_and_every_gradient_of_a_share(config, weight, seed):
    batch, keep = draw(config, 2, seed, "float64")
    loss, grads = gpt.loss_and_grad(*batch, config=config, keep=keep)
    options = dict(config=config, keep=keep, weight=weight)
    scaled, others = parallel.share_of_gradient(gpt.forward, gpt.backward, *batch, **options)
    np.testing.assert_allclose(scaled, weight * loss, rtol=1e-14)
    assert parallel.share_of_loss(gpt.forward, *batch, **options) == scaled
    for ours, truth in zip(tree.leaves(others), tree.leaves(grads), strict=True):
        np.testing.assert_allclose(ours, weight * truth, rtol=1e-9, atol=1e-13)


def test_the_processes_do_not_disturb_one_another():
    config = gpt.Config(vocab_size=7, block_size=5, n_layer=2, n_head=2, n_embd=8)
    batch, _ = draw(config, 8, 0, "float64")
    first = parallel.loss_and_grad(*batch, config=config, parts=4)
    for _ in range(20):
        again = parallel.loss_and_grad(*batch, config=config, parts=4)
        assert all(map(np.array_equal, tree.leaves(first), tree.leaves(again)))


@given(st.integers(1, 40), st.integers(1, 9))
def test_parts_cover_the_batch_once_and_none_is_empty(B, count):
    parts = [np.arange(B)[part] for part in parallel.split(B, count)]
    assert np.concatenate(parts).tolist() == list(range(B)) and all(map(len, parts))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_an_error_in_a_part_is_that_of_the_batch():
    config = gpt.Config(vocab_size=7, block_size=5, n_layer=1, n_head=2, n_embd=8)
    (tokens, targets, p), _ = draw(config, 4, 0, "float64")
    tokens[3, 2] = 7
    with pytest.raises(IndexError, match="tokens holds the id 7; allowed: 0 to 6"):
        parallel.loss_and_grad(tokens, targets, p, config=config, parts=2)


def test_a_batch_in_which_nothing_counts_is_refused_as_without_processes():
    config = gpt.Config(vocab_size=7, block_size=5, n_layer=1, n_head=2, n_embd=8)
    (tokens, targets, p), _ = draw(config, 4, 0, "float64")
    with pytest.raises(ValueError, match="every target is ignore_index"):
        parallel.loss_and_grad(tokens, np.full_like(targets, parallel.IGNORED), p,
                               config=config, parts=2)


def test_the_callers_errstate_holds_in_every_thread():
    def divide(*numbers):
        return np.divide(*map(np.float64, numbers))
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        parallel.each(divide, [(1, 1), (1, 0), (1, 1)], threads=3)


def test_blas_gets_its_threads_back():
    switch = blas.find()
    if switch is None:
        pytest.skip("NumPy's products are not OpenBLAS's here")
    before = switch[0]()
    with blas.threads(1):
        assert switch[0]() == 1
    assert switch[0]() == before


def test_a_batch_is_cut_where_its_tokens_outweigh_the_parameters():
    few, many = gpt.Config(65, 64, 4, 4, 128), gpt.Config(65, 64, 12, 12, 768)
    assert parallel.parts_for(few, (12, 64), 2) == 2
    assert parallel.parts_for(few, (12, 64), 1) == parallel.parts_for(few, (1, 64), 2) == 1
    assert parallel.parts_for(many, (4, 64), 2) == 1  # each part would add 85 million numbers
    assert parallel.parts_for(many, (64, 64), 2) == 2


@pytest.mark.parametrize("tokens", [[[1, 2]], np.arange(4), np.zeros((0, 5), int)])
def test_what_is_no_batch_is_refused_as_without_processes(tokens):
    config = gpt.Config(vocab_size=7, block_size=5, n_layer=1, n_head=2, n_embd=8)
    p = gpt.init(config, np.random.default_rng(0))
    with pytest.raises((TypeError, ValueError), match="tokens has"):
        parallel.loss_and_grad(tokens, tokens, p, config=config)


@pytest.mark.parametrize("parts", [1, 2])
def test_ids_that_are_no_plain_array_or_differ_in_shape_are_refused_in_parts(parts):
    config = gpt.Config(vocab_size=7, block_size=5, n_layer=1, n_head=2, n_embd=8)
    p, ids = gpt.init(config, np.random.default_rng(0)), np.array([[1, 2], [3, 4]])
    for wrong in ids.tolist(), np.ma.array(ids):
        for name, batch in ("tokens", (wrong, ids)), ("targets", (ids, wrong)):
            with pytest.raises(TypeError, match=f"{name} has dtype .*; allowed: a NumPy array of"):
                parallel.loss_and_grad(*batch, p, config=config, parts=parts)
    with pytest.raises(ValueError, match=r"targets has shape \(2, 1\); allowed: \(2, 2\)"):
        parallel.loss_and_grad(ids, ids[:, :1], p, config=config, parts=parts)
